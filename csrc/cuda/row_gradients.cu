// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_gradients.h"

namespace fastntk::cuda {

// Compiled in row_tables/, one family a file.
template <class Family>
void fill_gradients(const RowNetwork& network, bool nngp, const double* weights, long rows,
                    const RowGradientArrays& to, SideSummary* summary, const Context& context);

void fill_row_gradients(const RowNetwork& network, bool nngp, const double* weights, long rows,
                        const RowGradientArrays& to, SideSummary* summary, const Context& context) {
  if (network.any)
    fill_gradients<AnyNetwork>(network, nngp, weights, rows, to, summary, context);
  else
    fill_gradients<ReluOrErfNetwork>(network, nngp, weights, rows, to, summary, context);
}

}  // namespace fastntk::cuda
