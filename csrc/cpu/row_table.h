// SPDX-License-Identifier: Apache-2.0
// The row step of every layer, for every row: what the pair steps of a tile read. Computed in
// extended precision, stored in the pair type T.
#pragma once

#include <vector>

#include "common/network.h"
#include "cpu/aligned_buffer.h"

namespace fastntk::cpu {

template <class T>
struct LayerRows {
  AlignedBuffer<T> w;
  AlignedBuffer<T> v;
  AlignedBuffer<T> scalars[kMaxRowScalars];
};

template <class T>
struct RowTable {
  // variances: q of the first preactivation per row (0 for a zero row without bias), padded with
  // zeros to a multiple of the tile.
  RowTable(const Network& network, const std::vector<TrainedShares>& outputs,
           const std::vector<double>& variances);

  AlignedBuffer<T> first_v;  // bias_std / sqrt(q) of the first layer
  std::vector<LayerRows<T>> layers;
  AlignedBuffer<T> scale;                   // sqrt(q) of the last layer
  std::vector<AlignedBuffer<T>> diagonals;  // one per output
  double largest_diagonal = 0;

  std::size_t bytes() const;
};

}  // namespace fastntk::cpu
