// SPDX-License-Identifier: Apache-2.0
// One side of a Gram matrix in device memory; twin of cpu/operand.h.
#pragma once

#include "common/derivatives.h"
#include "common/input_layer.h"
#include "cuda/data_summary.h"
#include "cuda/packing.h"
#include "cuda/problem.h"
#include "cuda/row_gradients.h"
#include "cuda/row_table.h"

namespace fastntk::cuda {

template <class P>
class Side {
public:
  // Measures all rows and fills their table, and adds side s of the summary. No product is chosen
  // yet; ask_fixed_point: float32 rows that may be multiplied as fixed point.
  Side(const Samples& samples, const InputLayer& input, const RowNetwork& network,
       Derivatives derivatives, bool keep_diagonals, bool ask_fixed_point, DataSummary& summary,
       int s, const Context& context);

  // columns: device memory; null: all of them.
  void pack(Product product, const int* columns, long count, const Context& context);

  SideView<P> view() const;
  RowGradientView gradient(int parameter) const;  // where derivatives were asked for
  const P* diagonal(int output) const;
  std::size_t bytes() const;

private:
  RowGradientArrays gradients() const {
    return {gradients_.data(), stride_, hidden_layers_, layer_fields_};
  }
  void measure(const InputLayer& input, SideSummary* fixed_point, double* weights,
               const Context& context);

  Samples samples_;
  DeviceArray<char> panel_;
  long row_bytes_ = 0;
  DeviceArray<long long> norms_;
  DeviceArray<P> radius_;        // hi, lo, 1 / (2 r): [3][rows]
  DeviceArray<P> ranges_;        // of 1 / (2 r): [2][ceil(rows / kRangeRows)]
  DeviceArray<double> numbers_;  // row_scale; p, v and the largest magnitude: [4][rows]
  int layer_fields_;
  DeviceArray<P> fields_;
  long stride_;
  DeviceArray<P> scale_;
  DeviceArray<P> diagonals_;
  DeviceArray<double> gradients_;
  int hidden_layers_;
};

}  // namespace fastntk::cuda
