// SPDX-License-Identifier: Apache-2.0
// Both operands of products of rows, packed alike.
#pragma once

#include <vector>

#include "cpu/packed_rows.h"

namespace fastntk::cpu {

template <class T>
struct PackedPair {
  PackedRows<T> rows;
  PackedRows<T> cols;  // empty where the product is of the rows with themselves
  bool symmetric = true;

  const PackedRows<T>& right() const { return symmetric ? rows : cols; }
};

template <class T>
struct PairToPack {
  RowView<T> rows, cols;  // cols.data null: symmetric
  PackedPair<T>* to;
};

// The panels of pairs: one piece of memory, which may lie on huge pages.
using PanelMemory = AlignedBuffer<char>;

// Packs every pair for the product that the engine forms fastest; in fixed point only if every row
// of the pair errs by at most largest_error, see common/fixed_point.h. The pairs read the memory
// that is returned.
template <class T>
PanelMemory pack_pairs(const std::vector<PairToPack<T>>& pairs, double largest_error,
                       const Engine<T>& engine, int threads);

}  // namespace fastntk::cpu
