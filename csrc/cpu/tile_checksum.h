// SPDX-License-Identifier: Apache-2.0
// A 64-bit checksum of a tile, against damage and not against forgery: words go to eight lanes by
// turns, each lane is multiplied and rotated. Every step is one-to-one, so that a change within one
// word cannot go unseen, and the lanes do not wait for one another: faster than memory delivers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fastntk::cpu {

inline std::uint64_t mixed(std::uint64_t state, std::uint64_t word) {
  const std::uint64_t product = (state ^ word) * 0x9E3779B97F4A7C15u;
  return product << 29 | product >> 35;
}

// Of a multiple of 64 bytes; never 0, which stands for a tile that is not there.
inline std::uint64_t tile_checksum(const void* data, std::size_t bytes) {
  constexpr int kLanes = 8;
  std::uint64_t lanes[kLanes] = {1, 2, 3, 4, 5, 6, 7, 8};
  const char* from = static_cast<const char*>(data);
  for (std::size_t at = 0; at < bytes; at += sizeof(lanes)) {
    std::uint64_t words[kLanes];
    std::memcpy(words, from + at, sizeof(words));
    for (int lane = 0; lane < kLanes; ++lane)
      lanes[lane] = mixed(lanes[lane], words[lane]);
  }
  std::uint64_t sum = bytes;
  for (const std::uint64_t lane : lanes)
    sum = mixed(sum, lane);
  return sum != 0 ? sum : 1;
}

}  // namespace fastntk::cpu
