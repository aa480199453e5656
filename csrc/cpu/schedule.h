// SPDX-License-Identifier: Apache-2.0
// Orders of tiles. Every entry and every sum is the same for any number of threads: entries do not
// depend on the order at all, and products with vectors go by rounds of tiles that share no block
// of rows.
#pragma once

#include <vector>

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

// A round-robin tournament: every pair i <= j meets once, and in a round no block appears twice.
inline std::vector<std::vector<TileIndex>> tournament(long blocks) {
  const long players = blocks | 1;  // an even number gets a bye
  std::vector<std::vector<TileIndex>> rounds(players);
  for (long round = 0; round < players; ++round) {
    for (long i = 0; i < blocks; ++i) {
      const long j = (round + players - i) % players;
      if (i <= j && j < blocks)
        rounds[round].push_back({i, j});
    }
  }
  return rounds;
}

}  // namespace fastntk::cpu
