// SPDX-License-Identifier: Apache-2.0
// When tiles of an empirical NTK are computed in parts, and in which.
#include <numeric>
#include <vector>

#include "check.h"
#include "cuda/empirical_split.h"

namespace {

using fastntk::cuda::RunChunk;
using fastntk::cuda::split_runs;

constexpr int kMultiprocessors = 132;

// Every run of every product once, in order.
void check_cover(const std::vector<int>& runs, const std::vector<RunChunk>& chunks) {
  std::vector<int> done(runs.size(), 0);
  int product = 0;
  bool in_order = true;
  for (const RunChunk& chunk : chunks) {
    in_order = in_order && chunk.product >= product && chunk.begin == done[chunk.product] &&
               chunk.end > chunk.begin;
    product = chunk.product;
    done[product] = chunk.end;
  }
  CHECK(in_order);
  CHECK(done == runs);
}

// 3072-2048-2048-2048-8, 16 points: one tile.
void one_tile() {
  const std::vector<int> runs = {128, 192, 128, 128, 128, 128, 0, 128};
  const auto chunks = split_runs(runs, 1, kMultiprocessors);
  check_cover(runs, chunks);
  // All at once: no multiprocessor has two chunks, and most have one.
  CHECK(chunks.size() <= kMultiprocessors);
  CHECK(2 * chunks.size() > kMultiprocessors);
}

// The last tiles would leave most multiprocessors idle for as long as all others took.
void uneven_rounds() {
  const std::vector<int> runs = {128, 49, 128, 128, 128, 128, 0, 128};
  const auto chunks = split_runs(runs, 136, kMultiprocessors);
  check_cover(runs, chunks);
  CHECK(chunks.size() > 1);
  CHECK(split_runs(runs, 132, kMultiprocessors).empty());
  CHECK(split_runs(runs, 2080, kMultiprocessors).empty());
}

void nothing_to_split() {
  CHECK(split_runs({}, 1, kMultiprocessors).empty());
  CHECK(split_runs({0, 0}, 1, kMultiprocessors).empty());
  CHECK(split_runs({1, 1}, 1, kMultiprocessors).empty());  // a slab costs more
  CHECK(split_runs({500, 500}, 1, 1).empty());
}

void memory_is_bounded() {
  for (const long tiles : {1L, 3L, 50L, 500L, 3000L}) {
    for (const int length : {9, 100, 5000}) {
      const std::vector<int> runs(20, length);
      const auto chunks = split_runs(runs, tiles, kMultiprocessors);
      CHECK(static_cast<long>(chunks.size()) * tiles <= fastntk::cuda::kMostSlabs);
      if (!chunks.empty())
        check_cover(runs, chunks);
    }
  }
}

}  // namespace

int main() {
  one_tile();
  uneven_rounds();
  nothing_to_split();
  memory_is_bounded();
  return test::summary();
}
