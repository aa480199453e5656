// SPDX-License-Identifier: Apache-2.0
// Whether few tiles of an empirical NTK are computed in parts, by more blocks than there are tiles.
#pragma once

#include <vector>

namespace fastntk::cuda {

// Runs [begin, end) of one product.
struct RunChunk {
  int product, begin, end;
};

// What a slab costs that a block writes and another kernel reads, in runs that could be multiplied in
// the time: 128 KiB of traffic beside about 0.6 us on an H100 (an estimate).
constexpr int kSlabRuns = 8;
// Slabs of all tiles together: 128 MiB.
constexpr long kMostSlabs = 2048;

// The chunks of every tile, those of a product one after the other; none: tiles are computed whole, one
// by each block. runs: of each product. A multiprocessor has room for one block.
std::vector<RunChunk> split_runs(const std::vector<int>& runs, long tiles, int multiprocessors);

}  // namespace fastntk::cuda
