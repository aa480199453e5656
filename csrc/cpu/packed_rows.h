// SPDX-License-Identifier: Apache-2.0
// Rows of numbers as products of rows read them: panels of a few rows, each row divided by a power
// of two.
//
// kFloat, kDouble: a panel of Engine::row_panel rows is [columns][rows] numbers x / scale.
// kSlices: a panel of 16 rows is, for every 64 columns, three blocks of 1024 bytes, the digits of
//   rint(2^22 x / scale) = d0 2^16 + d1 2^8 + d2,   each in [-128, 127],
// of which a block has [row][64 columns], or with `right` the words of four columns first,
// [16 words][row]. The 64 columns stand in an order of their own, the same for all rows.
// There are zeros where there is no row or no column.
#pragma once

#include <vector>

#include "common/index.h"
#include "common/product.h"
#include "cpu/aligned_buffer.h"
#include "cpu/isa/engine.h"

namespace fastntk::cpu {

constexpr long kDigitPanel = 16;            // rows
constexpr long kDigitStep = 64;             // columns
constexpr long kDigitStepBytes = 3 * 1024;  // of a panel

// Rows to be packed. column_stride not 0: they are columns of an array whose rows are so far apart.
template <class T>
struct RowView {
  const T* data;  // null: none
  long rows, columns;
  long column_stride = 0;
};

// What to pack.
template <class T>
struct RowPacking {
  RowView<T> from;
  Product product;
  bool right;
  double largest_error;  // of a row in fixed point, see common/fixed_point.h
  char* panels;
  T* factors;     // what multiplies products of a row, a power of two; 0 where there is no row
  double* norms;  // |x|^2
};

template <class T>
class PackedRows {
public:
  PackedRows() = default;
  PackedRows(const RowView<T>& from, Product product, bool right, double largest_error,
             const Engine<T>& engine);

  // Bytes of the panels, and where they are to lie: memory of the caller's, which outlives this.
  std::size_t panel_bytes() const { return panels() * panel_bytes_; }
  void place(char* panels) { packing_.panels = panels; }

  long panels() const { return ceil_div(packing_.from.rows, panel_rows_); }
  // Packs one panel; panels may be packed at once. False if a row loses too much in fixed point:
  // then the panels must be packed as numbers.
  bool pack(long panel) const { return engine_->pack_rows(packing_, panel); }
  // The same for all panels at once; norms are left out where the rows are columns of an array.
  bool pack_all() const;

  Product product() const { return packing_.product; }
  bool right() const { return packing_.right; }
  long columns() const { return packing_.from.columns; }
  // Steps of 64 columns, or columns.
  long steps() const;
  long panel_rows() const { return panel_rows_; }
  // The panel that a row begins, from one of its steps on.
  const char* panel(long row, long step) const {
    return packing_.panels + row / panel_rows_ * panel_bytes_ + step * step_bytes_;
  }
  const T* factors() const { return factors_.data(); }
  double norm(long row) const { return norms_[row]; }
  // Beside the panels.
  std::size_t bytes() const { return factors_.bytes() + norms_.bytes(); }

private:
  const Engine<T>* engine_ = nullptr;
  long panel_rows_ = 1, panel_bytes_ = 0, step_bytes_ = 0;
  AlignedBuffer<T> factors_;
  AlignedBuffer<double> norms_;
  RowPacking<T> packing_{};
};

}  // namespace fastntk::cpu
