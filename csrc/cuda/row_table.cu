// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_table.h"

namespace fastntk::cuda {

// Compiled in row_tables/, one family a file.
template <class Family, class P>
void fill_table(const RowNetwork& network, const double* weights, long rows,
                const RowTableArrays<P>& table, SideSummary* summary, Range* ranges,
                const Context& context);

template <class P>
void fill_row_table(const RowNetwork& network, const double* weights, long rows,
                    const RowTableArrays<P>& table, SideSummary* summary, Range* ranges,
                    const Context& context) {
  if (!network.any)
    return fill_table<ReluOrErfNetwork>(network, weights, rows, table, summary, ranges, context);
  if constexpr (sizeof(P) == sizeof(double))
    fill_table<AnyNetwork>(network, weights, rows, table, summary, ranges, context);
  else
    require(false, "this network takes a recursion in double");
}

template void fill_row_table(const RowNetwork&, const double*, long, const RowTableArrays<float>&,
                             SideSummary*, Range*, const Context&);
template void fill_row_table(const RowNetwork&, const double*, long, const RowTableArrays<double>&,
                             SideSummary*, Range*, const Context&);

}  // namespace fastntk::cuda
