// SPDX-License-Identifier: Apache-2.0
// Gram matrices are worked on in square tiles: the unit of scheduling, of packed storage and of
// products with vectors.
#pragma once

#include "common/index.h"

namespace fastntk::cpu {

constexpr long kTile = 256;  // rows and columns of a tile
constexpr long kTileArea = kTile * kTile;
// Rows whose products are formed at once, in the first-level cache until they are worked off.
constexpr long kStripRows = 64;

}  // namespace fastntk::cpu
