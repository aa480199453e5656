// SPDX-License-Identifier: Apache-2.0
// What each worker hands to TileSource::tile.
#pragma once

#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

template <class T>
struct Workspace {
  explicit Workspace(const TileSource<T>& source)
      : tiles(source.outputs() * kTileArea), scratch(source.scratch_bytes(), kUninitialised) {}
  const T* tile(const TileSource<T>& source, long bi, long bj) {
    return source.tile(bi, bj, tiles.data(), scratch.data());
  }
  AlignedBuffer<T> tiles;  // zeroed: products read cells beyond the matrix, which must be finite
  AlignedBuffer<char> scratch;
};

template <class T>
std::vector<Workspace<T>> workspaces(const TileSource<T>& source, int threads) {
  std::vector<Workspace<T>> all;
  all.reserve(threads);
  for (int worker = 0; worker < threads; ++worker)
    all.emplace_back(source);
  return all;
}

}  // namespace fastntk::cpu
