// SPDX-License-Identifier: Apache-2.0
// The row step of every layer, for every row: what the pair steps of a tile read. Computed in
// double or, for T = double, extended precision; stored in the pair type T.
#pragma once

#include <vector>

#include "common/limiting_plan.h"
#include "cpu/aligned_buffer.h"

namespace fastntk::cpu {

// w, v and r of common/layer.h, and what the activation before the layer needs.
template <class T>
struct LayerRows {
  AlignedBuffer<T> w;
  AlignedBuffer<T> v;
  AlignedBuffer<T> r;  // where the layer has a skip connection
  AlignedBuffer<T> scalars[kMaxRowScalars];
};

template <class T>
struct RowTable {
  // weight_variances: what the weights add to q of the first preactivation, per row. The table goes
  // on with zero rows to a multiple of the tile.
  RowTable(const Network& network, const std::vector<TrainedShares>& outputs,
           const std::vector<double>& weight_variances, int threads);

  LayerRows<T> first;  // w = sqrt(s) |x| / sqrt(q) and v of the input layer
  std::vector<LayerRows<T>> layers;
  AlignedBuffer<T> scale;                   // sqrt(q) of the last layer
  std::vector<AlignedBuffer<T>> diagonals;  // one per output
  double largest_diagonal = 0;

  // Of the first rows.
  RowRanges ranges(const Network& network, long rows) const;
  std::size_t bytes() const;

private:
  std::vector<AlignedBuffer<T>*> buffers();
  // Rows [begin, end), whose variances are given; returns their largest kernel value.
  double fill(const Network& network, const std::vector<TrainedShares>& outputs,
              const double* weight_variances, long begin, long end);
  // Row i from what the weights add to its first variance, with room for one theta per output.
  // False, and nothing is said of `largest`, where double would lose digits at an end of its range.
  template <class Real>
  bool fill_row(const Network& network, const std::vector<TrainedShares>& outputs, Real weights,
                long i, Real* theta, double& largest);
};

}  // namespace fastntk::cpu
