// SPDX-License-Identifier: Apache-2.0
// A tile of a product of rows in fixed point, written to a matrix.
#pragma once

#include "cpu/isa/digit_columns.h"
#include "cpu/isa/digit_products.h"
#include "cpu/isa/store_tile.h"

namespace fastntk::cpu::FASTNTK_ISA {

struct ProductScratch {
  alignas(64) float tile[kTileArea];
  DigitScratch digits;
};

inline void product_tile(const PackedRows<float>& left, long row, const PackedRows<float>& right,
                         float* to, long stride, long rows, long cols, bool streaming,
                         char* scratch) {
  ProductScratch& s = *reinterpret_cast<ProductScratch*>(scratch);
  const AmxTiles registers;
  multiply_digits(left, right, {row, rows, 0, cols, false}, s.digits, s.tile);
  const float* col_factors = right.factors();
  for (long r = 0; r < rows; ++r) {
    const F32 factor(left.factors()[row + r]);
    float* at = s.tile + r * kTile;
    for (long c = 0; c < cols; c += F32::kLanes)
      (F32::load(at + c) * factor * F32::load(col_factors + c)).store(at + c);
  }
  store_tile(s.tile, rows, cols, to, stride, streaming);
}

}  // namespace fastntk::cpu::FASTNTK_ISA
