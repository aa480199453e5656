// SPDX-License-Identifier: Apache-2.0
// What becomes of the tiles: written out, or multiplied with vectors.
#pragma once

#include "common/index.h"

namespace fastntk::cuda {

// Where the upper triangle of a symmetric matrix lies that is stored packed: in square blocks, row
// by row of blocks, each whole.
struct PackedLayout {
  static constexpr long kEdge = 128;
  long blocks;

  explicit PackedLayout(long n = 0) : blocks(ceil_div(n, kEdge)) {}

  long size() const { return blocks * (blocks + 1) / 2 * kEdge * kEdge; }
  // i <= j
  FASTNTK_HD long index(long i, long j) const {
    const long down = i / kEdge, across = j / kEdge;
    const long block = down * blocks - down * (down - 1) / 2 + (across - down);
    return (block * kEdge + i % kEdge) * kEdge + j % kEdge;
  }
};

// Entries go to [rows, stride], those of a symmetric matrix to their places below the diagonal too;
// or to a packed triangle. Matrices of a batch [batch, n, m], whose rows i and columns j are counted
// through, lie one after the other: entry (i, j) of one that begins with column c at i m + j - c.
struct DenseSink {
  void* to = nullptr;
  bool to_float = false;  // floats of a recursion in double
  bool is_packed = false;
  long stride = 0;
  PackedLayout packed;

  FASTNTK_HD long index(long i, long j) const {
    return is_packed ? packed.index(i, j) : i * stride + j;
  }
};

// Sums of tiles times vectors in fixed point: integers are added in any order to the same sum.
struct VectorSink {
  const void* vectors = nullptr;  // [cols, k]; a symmetric matrix has them for its rows too
  bool doubles = false;           // vectors and their products with a tile are doubles, or floats
  long k = 0;
  unsigned long long* sums = nullptr;  // [rows, k], two's complement
  double unit = 1;                     // a sum is an integer over it
};

// Exactly one of them.
struct TileSink {
  DenseSink dense;
  VectorSink vectors;

  FASTNTK_HD bool writes() const { return dense.to != nullptr; }
};

}  // namespace fastntk::cuda
