// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_gradients.cuh"

namespace fastntk::cuda {

void fill_row_gradients(const RowNetwork& network, bool nngp, const double* weights, long rows,
                        const RowGradientArrays& to, SideSummary* summary, const Context& context) {
  const dim3 blocks(static_cast<unsigned>(ceil_div(rows, kRowTableThreads)));
  launch(row_gradients_kernel, {blocks, kRowTableThreads, 0, context.stream}, network, nngp,
         weights, rows, to, summary);
}

}  // namespace fastntk::cuda
