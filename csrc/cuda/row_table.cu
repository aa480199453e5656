// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_table.cuh"

namespace fastntk::cuda {

template <class P>
void fill_row_table(const RowNetwork& network, const double* weights, long rows,
                    const RowTableArrays<P>& table, SideSummary* summary, Range* ranges,
                    const Context& context) {
  const dim3 blocks(static_cast<unsigned>(ceil_div(rows, kRowTableThreads)),
                    static_cast<unsigned>(network.outputs));
  launch(row_table_kernel<P>, {blocks, kRowTableThreads, 0, context.stream}, network, weights, rows,
         table, summary);
  const dim3 parts(static_cast<unsigned>(row_fields(network.hidden_layers)),
                   static_cast<unsigned>(ceil_div(rows, range_part_rows(rows))));
  launch(field_ranges_kernel<P>, {parts, kRangeThreads, 0, context.stream}, network.activations,
         static_cast<const P*>(table.fields), table.stride, rows, ranges);
}

template void fill_row_table(const RowNetwork&, const double*, long, const RowTableArrays<float>&,
                             SideSummary*, Range*, const Context&);
template void fill_row_table(const RowNetwork&, const double*, long, const RowTableArrays<double>&,
                             SideSummary*, Range*, const Context&);

}  // namespace fastntk::cuda
