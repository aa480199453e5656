// SPDX-License-Identifier: Apache-2.0
// How the columns of V, and of the sums K V, lie in memory while they are multiplied: in chunks of
// two vectors, each chunk's rows one after the other, so that a tile's part of a chunk is 32 KB
// (16 KB with narrower registers) without gaps and stays in the first-level cache.
#pragma once

#include "cpu/tile.h"

namespace fastntk::cpu {

// A remainder of at most so many columns is not padded to a vector.
constexpr long kFewColumns = 4;

// Columns [begin, begin + count). Of `rows` rows, the chunk starts at begin * rows and is
//   [rows][width]   where a vector holds columns, zero from count on, or
//   [count][rows]   where there are few: a vector then holds rows.
struct ColumnChunk {
  long begin;
  long count;
  long width;
  bool few;
};

struct ColumnPacking {
  long columns;
  long lanes;

  FASTNTK_HD long chunks() const { return ceil_div(columns, 2 * lanes); }
  FASTNTK_HD ColumnChunk chunk(long index) const {
    const long begin = index * 2 * lanes, count = smaller(2 * lanes, columns - begin);
    const bool few = count <= kFewColumns && count % lanes != 0;
    return {begin, count, few ? count : round_up(count, lanes), few};
  }
  // Columns that a packed row takes.
  FASTNTK_HD long width() const {
    const ColumnChunk last = chunk(chunks() - 1);
    return last.begin + last.width;
  }
};

}  // namespace fastntk::cpu
