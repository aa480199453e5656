// SPDX-License-Identifier: Apache-2.0
// Products of packed rows (cpu/packed_rows.h) by multiply-adds, summed in the type of the rows.
//
// Blocks of columns short enough that what a block needs of one panel stays in the first-level
// cache: a register tile is summed over a block, then added to what there is. So a sum of n products
// has at most kBlockColumns + n / kBlockColumns roundings.
#pragma once

#include "cpu/isa/product.h"
#include "cpu/packed_rows.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr long kBlockColumns = 128;

// Rows of a register tile: no more than a panel holds (NEON's of doubles hold four).
template <class T>
constexpr int kPanelLeftRows = kLeftRows < kRightRows<T> ? kLeftRows : kRightRows<T>;

// Rows [row, row + rows) of the left operand by rows [col, col + cols) of the right one, at most
// kTile of each; row and col begin panels. With `upper` what lies below the diagonal (row = col) may
// be left out.
struct ProductArea {
  long row, rows, col, cols;
  bool upper;

  // Whether a block of the area's rows from r on and columns before c_end is wanted.
  bool wants(long r, long c_end) const { return !upper || r < c_end; }
};

// A register tile of panels of `steps` columns, kRightRows<T> rows each; `to` is
// [kPanelLeftRows<T>][kTile].
template <class T>
FASTNTK_HD void add_register_tile(const T* left, const T* right, long steps, bool first, T* to) {
  using V = Pack<T>;
  constexpr int kRows = kPanelLeftRows<T>;
  V sums[kRows][kRightVectors];
  set_rows<T>(sums, nullptr);
  for (long k = 0; k < steps; ++k) {
    V b[kRightVectors];
    FASTNTK_UNROLL
    for (int j = 0; j < kRightVectors; ++j)
      b[j] = V::load(right + k * kRightRows<T> + j * V::kLanes);
    FASTNTK_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V a(left[k * kRightRows<T> + i]);
      FASTNTK_UNROLL
      for (int j = 0; j < kRightVectors; ++j)
        sums[i][j] = mul_add(a, b[j], sums[i][j]);
    }
  }
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < kRightVectors; ++j) {
      T* at = to + i * kTile + j * V::kLanes;
      (first ? sums[i][j] : V::load(at) + sums[i][j]).store(at);
    }
  }
}

// to [.., kTile]: the products of the area's rows and columns, to whole register tiles.
template <class T>
void multiply_numbers(const PackedRows<T>& left, const PackedRows<T>& right,
                      const ProductArea& area, T* to) {
  constexpr long kRows = kRightRows<T>, kStep = kPanelLeftRows<T>;
  static_assert(kRows % kStep == 0, "a register tile lies in one panel");
  for (long begin = 0; begin < left.steps(); begin += kBlockColumns) {
    const long steps = smaller(kBlockColumns, left.steps() - begin);
    for (long c = 0; c < area.cols; c += kRows) {
      const T* right_panel = reinterpret_cast<const T*>(right.panel(area.col + c, begin));
      for (long r = 0; r < area.rows && area.wants(r, c + kRows); r += kStep) {
        const T* left_panel =
            reinterpret_cast<const T*>(left.panel(area.row + r, begin)) + r % kRows;
        add_register_tile(left_panel, right_panel, steps, begin == 0, to + r * kTile + c);
      }
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
