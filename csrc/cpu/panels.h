// SPDX-License-Identifier: Apache-2.0
// Rows of data in the order in which tile products read them.
//
// A word is a float, a double, or `group` neighbouring integers of 4 / group bytes. A panel of
// `height` rows is [steps / run][height][run] words, zero where there is no row or no column: left
// panels have ProductShape's left_rows and left_run, right ones right_rows and a run of 1.
// kSlices has three planes of panels one after the other, a digit each:
//   n = rint(2^22 x / row_scale) = d0 2^16 + d1 2^8 + d2,  each in [-128, 127].
#pragma once

#include <vector>

#include "common/samples.h"
#include "cpu/isa/engine.h"

namespace fastntk::cpu {

// Copies a row's useful columns next to one another, sixteen bytes at a time. A copy may reach
// beyond its run of neighbouring columns; the next one writes over what it left.
class ColumnGather {
public:
  ColumnGather(const Samples& samples, const std::vector<long>& columns);

  // `to` has room for kSlack bytes behind the columns.
  void operator()(long row, char* to) const;

  static constexpr long kSlack = 16;

private:
  struct Copy {
    long from, to;
  };
  const char* data_;
  long rows_;
  long row_bytes_;
  std::vector<Copy> copies_;
};

class PanelPacker {
public:
  PanelPacker(const Samples& samples, const std::vector<long>& columns, Product product,
              const ProductShape& shape);

  long steps() const { return steps_; }  // words per row of a panel, a multiple of left_run
  // Bytes of one layout of so many rows, and of what pack_tile needs besides.
  std::size_t bytes(long rows) const { return planes_ * plane_bytes(rows); }
  std::size_t scratch_bytes() const;

  // Packs the tile of rows that begins with `row` into the panels of padded_rows rows; those behind
  // the last row's block of max(left_rows, right_rows) are not written. row_scale and start (see ProductShape::right_offset) are [padded_rows].
  void pack_tile(long row, long padded_rows, const double* row_scale, char* left, char* right,
                 std::int32_t* start, char* scratch) const;

private:
  template <class Value>
  void fill_integers(long row, const std::uint8_t* values, char* sheets, std::int32_t* start) const;
  void fill(long row, const double* row_scale, char* gathered, char* sheets,
            std::int32_t* start) const;

  std::size_t plane_bytes(long rows) const { return rows * steps_ * word_; }
  long block_rows() const;
  std::size_t sheet_bytes() const { return block_rows() * stride_ * word_; }
  std::size_t gathered_bytes() const;

  Samples samples_;
  Product product_;
  ProductShape shape_;
  ColumnGather gather_;
  long columns_;
  long steps_;
  long word_;    // bytes
  long stride_;  // words from one row of a sheet to the next
  int planes_;
  int sheets_;  // blocks of rows in their natural order: one per plane, or left and right
};

}  // namespace fastntk::cpu
