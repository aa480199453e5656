// SPDX-License-Identifier: Apache-2.0
// Products of bytes by the matrix unit: a block of 32 rows by 32 columns in four tile registers.
//
// The unit works by itself once it is fed: what else there is to do, the recursion of the block
// before, is handed in and runs between the steps, in the shadow of the multiplications.
#pragma once

#include "cpu/isa/strip.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kAmxEdge = 16;  // rows, or columns of words, of a tile register
constexpr int kAmxBlock = 2 * kAmxEdge;
constexpr int kAmxTileBytes = 1024;

// The tile registers of this thread, set up while this lives.
class AmxTiles {
public:
  AmxTiles() {
    struct alignas(64) Configuration {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::uint8_t reserved[14] = {};
      std::uint16_t bytes_per_row[16] = {};
      std::uint8_t rows[16] = {};
    } configuration;
    for (int tile = 0; tile < 8; ++tile) {
      configuration.bytes_per_row[tile] = 64;
      configuration.rows[tile] = kAmxEdge;
    }
    // The intrinsic does not say that it reads memory.
    asm volatile("" ::"r"(&configuration) : "memory");
    _tile_loadconfig(&configuration);
  }
  ~AmxTiles() { _tile_release(); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

// Two panels of left tiles and two of right ones; `step` bytes lead from a panel to the next one.
struct AmxPanels {
  const char* left;
  const char* right;
  long step;

  const char* left_tile(long panel, long k) const {
    return left + panel * step + k * kAmxTileBytes;
  }
  const char* right_tile(long panel, long k) const {
    return right + panel * step + k * kAmxTileBytes;
  }
};

// Tile registers 0 to 3 += left tiles (4, 5) times right tiles (6, 7). A tile is loaded again as
// soon as its last product is under way. The right panels meet every left panel of a macro tile and
// stay in the first-level cache, which the left ones pass by.
template <bool kSigned, class Between>
FASTNTK_HD void amx_accumulate(const AmxPanels& at, long steps, Between between) {
  if (steps == 0)
    return;  // every column was zero
  _tile_loadd(6, at.right_tile(0, 0), 64);
  _tile_stream_loadd(4, at.left_tile(0, 0), 64);
  _tile_stream_loadd(5, at.left_tile(1, 0), 64);
  _tile_loadd(7, at.right_tile(1, 0), 64);
#define FASTNTK_PRODUCT(sum, a, b)                                                                 \
  if constexpr (kSigned)                                                                           \
    _tile_dpbssd(sum, a, b);                                                                       \
  else                                                                                             \
    _tile_dpbuud(sum, a, b);
  for (long k = 0; k < steps; ++k) {
    const long next = smaller(k + 1, steps - 1);
    FASTNTK_PRODUCT(0, 4, 6)
    FASTNTK_PRODUCT(2, 5, 6)
    _tile_loadd(6, at.right_tile(0, next), 64);
    FASTNTK_PRODUCT(1, 4, 7)
    _tile_stream_loadd(4, at.left_tile(0, next), 64);
    FASTNTK_PRODUCT(3, 5, 7)
    _tile_stream_loadd(5, at.left_tile(1, next), 64);
    _tile_loadd(7, at.right_tile(1, next), 64);
    between();
  }
#undef FASTNTK_PRODUCT
}

FASTNTK_HD void amx_clear() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

FASTNTK_HD void amx_store(std::int32_t* to) {
  constexpr int kRowBytes = kAmxBlock * 4;
  _tile_stored(0, to, kRowBytes);
  _tile_stored(1, to + kAmxEdge, kRowBytes);
  _tile_stored(2, to + kAmxEdge * kAmxBlock, kRowBytes);
  _tile_stored(3, to + kAmxEdge * kAmxBlock + kAmxEdge, kRowBytes);
}

template <class T>
AmxPanels amx_panels(const LimitingPlan<T>& plan, const Strip& strip, int left_slice,
                     int right_slice) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  const long row_bytes = a.steps * 4;
  return {a.left.data() + (left_slice * a.padded_rows + strip.row) * row_bytes,
          b.right.data() + (right_slice * b.padded_rows + strip.col) * row_bytes,
          kAmxEdge * row_bytes};
}

// meanwhile(n): one of n equal shares of the other work.
template <class T, class Meanwhile>
void amx_products(const LimitingPlan<T>& plan, const Strip& strip, StripProducts& products,
                  Meanwhile meanwhile) {
  const long steps = plan.rows->steps / kAmxEdge;
  if (plan.product == Product::kInteger) {
    amx_clear();
    amx_accumulate<false>(amx_panels(plan, strip, 0, 0), steps, [&] { meanwhile(steps); });
    amx_store(products.integers[0]);
    return;
  }
  constexpr long kPasses = 8;
  for (int sum = 0; sum < kSliceSums; ++sum) {
    amx_clear();
    for (int left = 0; left < kSlices; ++left) {
      const int right = sum - left;
      if (right < 0 || right >= kSlices)
        continue;
      amx_accumulate<true>(amx_panels(plan, strip, left, right), steps,
                           [&] { meanwhile(kPasses * steps); });
    }
    amx_store(products.integers[sum]);
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
