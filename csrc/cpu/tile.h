// SPDX-License-Identifier: Apache-2.0
// Gram matrices are worked on in square tiles: the unit of scheduling, of packed storage and of
// products with vectors.
#pragma once

#include "common/macros.h"

namespace fastntk::cpu {

static_assert(sizeof(long) == 8, "indices of large matrices are long");

constexpr long kTile = 256;  // rows and columns of a tile
constexpr long kTileArea = kTile * kTile;
// Rows whose products are formed at once, in the first-level cache until they are worked off.
constexpr long kStripRows = 64;

FASTNTK_HD constexpr long ceil_div(long a, long b) { return (a + b - 1) / b; }
FASTNTK_HD constexpr long round_up(long a, long unit) { return ceil_div(a, unit) * unit; }
FASTNTK_HD constexpr long smaller(long a, long b) { return a < b ? a : b; }

}  // namespace fastntk::cpu
