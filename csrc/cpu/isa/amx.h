// SPDX-License-Identifier: Apache-2.0
// Products of bytes by the matrix unit, summed in four of its tile registers.
//
// The unit works by itself once it is fed: what else there is to do, the recursion of the block
// before, is handed in and runs between the steps, in the shadow of the multiplications.
#pragma once

#include "cpu/isa/strip.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kAmxEdge = 16;  // rows, or columns of words, of a tile register
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

// Panels of left tiles and of right ones; `step` bytes lead from a panel to the next one.
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

FASTNTK_HD void amx_clear() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

// Products of bytes: a block of 32 x 32, two left panels times two right ones. A tile is loaded
// again as soon as its last product is under way. The right panels meet every left panel of a macro
// tile and stay in the first-level cache, which the left ones pass by.
template <class Between>
FASTNTK_HD void amx_bytes(const AmxPanels& at, long steps, std::int32_t* to, Between between) {
  constexpr int kRowBytes = kStripWidth * 4;
  amx_clear();
  if (steps > 0) {  // none where every column is zero
    _tile_loadd(6, at.right_tile(0, 0), 64);
    _tile_stream_loadd(4, at.left_tile(0, 0), 64);
    _tile_stream_loadd(5, at.left_tile(1, 0), 64);
    _tile_loadd(7, at.right_tile(1, 0), 64);
  }
  for (long k = 0; k < steps; ++k) {
    const long next = smaller(k + 1, steps - 1);
    _tile_dpbuud(0, 4, 6);
    _tile_dpbuud(2, 5, 6);
    _tile_loadd(6, at.right_tile(0, next), 64);
    _tile_dpbuud(1, 4, 7);
    _tile_stream_loadd(4, at.left_tile(0, next), 64);
    _tile_dpbuud(3, 5, 7);
    _tile_stream_loadd(5, at.left_tile(1, next), 64);
    _tile_loadd(7, at.right_tile(1, next), 64);
    between();
  }
  _tile_stored(0, to, kRowBytes);
  _tile_stored(1, to + kAmxEdge, kRowBytes);
  _tile_stored(2, to + kAmxEdge * kStripWidth, kRowBytes);
  _tile_stored(3, to + kAmxEdge * kStripWidth + kAmxEdge, kRowBytes);
}

// Products of fixed-point numbers: a block of 16 x 16. Register n sums the products of bytes s and s'
// with s + s' = n, so that six loads serve eight products. left, right: of bytes 0, 1 and 2.
template <class Between>
FASTNTK_HD void amx_slices(const AmxPanels (&bytes)[kSlices], int panel, long steps,
                           std::int32_t (*to)[kStripCells], Between between) {
  constexpr int kRowBytes = kStripWidth * 4;
  amx_clear();
  for (long k = 0; k < steps; ++k) {
    _tile_loadd(5, bytes[0].right_tile(panel, k), 64);
    _tile_stream_loadd(4, bytes[0].left_tile(0, k), 64);
    _tile_dpbssd(0, 4, 5);
    _tile_loadd(6, bytes[1].right_tile(panel, k), 64);
    _tile_dpbssd(1, 4, 6);
    _tile_loadd(7, bytes[2].right_tile(panel, k), 64);
    _tile_dpbssd(2, 4, 7);
    _tile_stream_loadd(4, bytes[1].left_tile(0, k), 64);
    _tile_dpbssd(1, 4, 5);
    _tile_dpbssd(2, 4, 6);
    _tile_dpbssd(3, 4, 7);
    _tile_stream_loadd(4, bytes[2].left_tile(0, k), 64);
    _tile_dpbssd(2, 4, 5);
    _tile_dpbssd(3, 4, 6);
    between();
  }
  const int column = panel * kAmxEdge;
  _tile_stored(0, to[0] + column, kRowBytes);
  _tile_stored(1, to[1] + column, kRowBytes);
  _tile_stored(2, to[2] + column, kRowBytes);
  _tile_stored(3, to[3] + column, kRowBytes);
}

template <class T>
AmxPanels amx_panels(const LimitingPlan<T>& plan, const Strip& strip, int slice) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  const long row_bytes = a.steps * 4;
  return {a.left.data() + (slice * a.padded_rows + strip.row) * row_bytes,
          b.right.data() + (slice * b.padded_rows + strip.col) * row_bytes, kAmxEdge * row_bytes};
}

constexpr bool uses_matrix_unit(Product product) {
  return product == Product::kInteger || product == Product::kSlices;
}

constexpr long amx_rows(Product product) {
  return product == Product::kInteger ? 2 * kAmxEdge : kAmxEdge;
}

// meanwhile(n): one of n equal shares of the other work.
template <class T, class Meanwhile>
void amx_products(const LimitingPlan<T>& plan, const Strip& strip, StripProducts& products,
                  Meanwhile meanwhile) {
  constexpr int kPanels = kStripWidth / kAmxEdge;
  const long steps = plan.rows->steps / kAmxEdge;
  if (plan.product == Product::kInteger) {
    amx_bytes(amx_panels(plan, strip, 0), steps, products.integers[0], [&] { meanwhile(steps); });
    return;
  }
  const AmxPanels bytes[kSlices] = {amx_panels(plan, strip, 0), amx_panels(plan, strip, 1),
                                    amx_panels(plan, strip, 2)};
  for (int panel = 0; panel < kPanels; ++panel)
    amx_slices(bytes, panel, steps, products.integers, [&] { meanwhile(kPanels * steps); });
}

}  // namespace fastntk::cpu::FASTNTK_ISA
