// SPDX-License-Identifier: Apache-2.0
// A tile of a limiting Gram matrix, strip by strip: products, then deficits -> layers -> scaled
// kernel values.
//
// One right panel (columns) meets the left panels (rows) of the tile one after the other. A matrix
// unit multiplies a strip while the one before is worked off, a few rows at a time. On a diagonal
// tile the strips below the diagonal are skipped, the rest is mirrored and the diagonal is set from
// its closed form, so that the tile is symmetric to the bit.
#pragma once

#include "cpu/isa/product.h"
#include "cpu/isa/strip_finisher.h"
#include "cpu/isa/transpose.h"
#if defined(__AMX_INT8__)
#include "cpu/isa/amx.h"
#endif

namespace fastntk::cpu::FASTNTK_ISA {

constexpr StripHeight strip_height(Product product) {
#if defined(__AMX_INT8__)
  if (uses_matrix_unit(product))
    return {amx_rows(product), amx_rows(product)};
#endif
  static_cast<void>(product);
  return {kStripRows, kLeftRows};
}

// Products of a strip; what is left of the strip before may be worked off meanwhile.
template <class T>
void multiply_strip(const LimitingPlan<T>& plan, const Strip& strip, StripProducts& products,
                    StripFinisher<T>& before) {
#if defined(__AMX_INT8__)
  if (uses_matrix_unit(plan.product)) {
    // A table is read faster than the unit's operands arrive: the two would only get in each
    // other's way.
    if (plan.product == Product::kInteger && !plan.tables.empty())
      before.finish();
    return amx_products(plan, strip, products, [&](long of) { before.advance(of); });
  }
#endif
  before.finish();
  register_products(plan, strip, products);
}

// What lies below the diagonal from what lies above it, block by block, and the diagonal itself.
template <class T>
void mirror_diagonal_tile(const AlignedBuffer<T>& diagonal, long row, long count, T* tile) {
  constexpr long kLanes = Pack<T>::kLanes;
  for (long i = 0; i < count; i += kLanes) {
    for (long j = 0; j < i; j += kLanes)
      copy_transposed(tile + j * kTile + i, tile + i * kTile + j);
    for (long r = i; r < i + kLanes; ++r) {
      for (long c = i; c < r; ++c)
        tile[r * kTile + c] = tile[c * kTile + r];
      tile[r * kTile + r] = diagonal[row + r];
    }
  }
}

template <class T>
void limiting_tile(const LimitingPlan<T>& plan, long bi, long bj, T* tiles, char* scratch) {
  TileScratch<T>& s = *reinterpret_cast<TileScratch<T>*>(scratch);
#if defined(__AMX_INT8__)
  const AmxTiles registers;
#endif
  const bool diagonal = plan.symmetric() && bi == bj;
  const StripHeight height = strip_height(plan.product);
  const long row_end = smaller((bi + 1) * kTile, round_up(plan.rows->samples.rows, height.unit));
  const long col_end = smaller((bj + 1) * kTile, plan.cols->samples.rows);
  StripFinisher<T> finisher(plan, tiles, s);
  int current = 0;
  for (long col = bj * kTile; col < col_end; col += kStripWidth) {
    for (long row = bi * kTile; row < row_end; row += height.most) {
      if (diagonal && row >= col + kStripWidth)
        break;
      const Strip strip{row, col, smaller(height.most, row_end - row)};
      multiply_strip(plan, strip, s.products[current], finisher);
      finisher.finish();
      finisher.start(strip, s.products[current]);
      current ^= 1;
    }
  }
  finisher.finish();
  if (!diagonal)
    return;
  const long row = bi * kTile, count = col_end - row;
  for (std::size_t o = 0; o < plan.shares.size(); ++o)
    mirror_diagonal_tile(plan.rows->table.diagonals[o], row, count, tiles + o * kTileArea);
  if constexpr (std::is_same_v<T, double>) {
    for (int p = 0; plan.differentiated() && p < kParameters; ++p)
      mirror_diagonal_tile(plan.rows->gradients->by[p].diagonal, row, count,
                           tiles + (1 + p) * kTileArea);
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
