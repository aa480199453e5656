// SPDX-License-Identifier: Apache-2.0
// The part of a tile whose products are formed at once.
#pragma once

#include "cpu/isa/engine.h"
#include "cpu/isa/pack.h"
#include "cpu/tile.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kStripWidth = 2 * Pack<float>::kLanes;
constexpr int kStripCells = kStripRows * kStripWidth;

// Rows [row, row + count) by columns [col, col + kStripWidth) of the whole matrix. Products and
// deficits are [count][kStripWidth].
struct Strip {
  long row, col;
  long count;

  // Its rows [begin, end).
  Strip rows(long begin, long end) const { return {row + begin, col, end - begin}; }
};

// The rows of a strip, and the number that they are a multiple of.
struct StripHeight {
  long most, unit;
};
constexpr int kSliceSums =
    4;  // bytes s and s' meet in sum s + s'; of the fifth see fixed_point.cpp

struct StripProducts {
  alignas(64) std::int32_t integers[kSliceSums][kStripCells];
  alignas(64) double sums[kStripCells];
};

}  // namespace fastntk::cpu::FASTNTK_ISA
