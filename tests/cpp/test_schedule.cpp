// SPDX-License-Identifier: Apache-2.0
// Orders of tiles: each once, and none of a round in the way of another.
#include <set>

#include "check.h"
#include "cpu/schedule.h"

namespace {

using namespace fastntk::cpu;

void triangles() {
  for (long blocks = 1; blocks <= 20; ++blocks) {
    long index = 0;
    for (long i = 0; i < blocks; ++i) {
      for (long j = i; j < blocks; ++j, ++index) {
        CHECK_EQUAL(triangle_index(i, j, blocks), index);
        const TileIndex at = triangle_tile(index, blocks);
        CHECK(at.i == i && at.j == j);
      }
    }
    CHECK_EQUAL(triangle_size(blocks), index);
  }
}

void tournaments() {
  for (long blocks = 1; blocks <= 40; ++blocks) {
    const Tournament tournament{blocks};
    std::set<std::pair<long, long>> met;
    long meetings = 0;
    for (long round = 0; round < tournament.rounds(); ++round) {
      std::set<long> busy;
      for (long index = 0; index < tournament.pairs_per_round(); ++index) {
        TileIndex at{-1, -1};
        if (!tournament.pair(round, index, at))
          continue;
        CHECK(0 <= at.i && at.i <= at.j && at.j < blocks);
        CHECK(busy.insert(at.i).second);
        CHECK(at.j == at.i || busy.insert(at.j).second);
        met.insert({at.i, at.j});
        ++meetings;
      }
    }
    CHECK_EQUAL(static_cast<long>(met.size()), triangle_size(blocks));
    CHECK_EQUAL(meetings, triangle_size(blocks));
  }
}

}  // namespace

int main() {
  triangles();
  tournaments();
  return test::summary();
}
