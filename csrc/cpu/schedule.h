// SPDX-License-Identifier: Apache-2.0
// Orders of tiles. Every entry and every sum is the same for any number of threads: entries do not
// depend on the order at all, and products with vectors go by rounds of tiles that share no block
// of rows.
#pragma once

#include "cpu/tile.h"

namespace fastntk::cpu {

struct TileIndex {
  long i;
  long j;
};

// The upper triangle of a square of `blocks` x `blocks` tiles, row by row.
inline long triangle_size(long blocks) { return blocks * (blocks + 1) / 2; }
inline long triangle_index(long i, long j, long blocks) {
  return i * blocks - i * (i - 1) / 2 + (j - i);
}
inline TileIndex triangle_tile(long index, long blocks) {
  long i = 0;
  while (index >= blocks - i)
    index -= blocks - i++;
  return {i, i + index};
}

// A round-robin tournament: every pair i <= j meets once, and in a round no block appears twice. An
// odd number of players has as many rounds; a last one without a block makes an even number odd.
struct Tournament {
  long blocks;

  long players() const { return blocks | 1; }
  long rounds() const { return players(); }
  long pairs_per_round() const { return (players() + 1) / 2; }

  // False for a pair with the player that is no block.
  bool pair(long round, long index, TileIndex& at) const {
    const long centre = round * ((players() + 1) / 2) % players();  // meets itself: 2 c = round
    const long a = (centre + index) % players();
    const long b = (centre + players() - index) % players();
    at = {a < b ? a : b, a < b ? b : a};
    return at.j < blocks;
  }
};

}  // namespace fastntk::cpu
