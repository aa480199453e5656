// SPDX-License-Identifier: Apache-2.0
#include "cuda/empirical_split.h"

#include <algorithm>
#include <numeric>

#include "common/index.h"

namespace fastntk::cuda {
namespace {

// A product is cut into chunks of at most `length` runs, as equal as they can be.
std::vector<RunChunk> chunks_of(const std::vector<int>& runs, int length) {
  std::vector<RunChunk> chunks;
  for (int p = 0; p < static_cast<int>(runs.size()); ++p) {
    const long count = ceil_div(runs[p], length);
    for (long c = 0; c < count; ++c)
      chunks.push_back(
          {p, static_cast<int>(c * runs[p] / count), static_cast<int>((c + 1) * runs[p] / count)});
  }
  return chunks;
}

// Blocks take turns on the multiprocessors.
long rounds(long blocks, int multiprocessors) { return ceil_div(blocks, multiprocessors); }

}  // namespace

std::vector<RunChunk> split_runs(const std::vector<int>& runs, long tiles, int multiprocessors) {
  const long whole = std::accumulate(runs.begin(), runs.end(), 0L);
  long least = rounds(tiles, multiprocessors) * whole;
  std::vector<RunChunk> best;
  if (runs.empty())
    return best;
  for (int length = *std::max_element(runs.begin(), runs.end()); length > 0; length /= 2) {
    const std::vector<RunChunk> chunks = chunks_of(runs, length);
    const long blocks = tiles * static_cast<long>(chunks.size());
    if (blocks > kMostSlabs)
      break;
    const long cost = rounds(blocks, multiprocessors) * (length + kSlabRuns);
    if (cost < least) {
      least = cost;
      best = chunks;
    }
  }
  return best;
}

}  // namespace fastntk::cuda
