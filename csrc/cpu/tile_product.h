// SPDX-License-Identifier: Apache-2.0
// One tile's part of K V: what Engine::tile_times is asked for.
#pragma once

#include <cstddef>

#include "cpu/column_packing.h"

namespace fastntk::cpu {

//   sums[row ..] += tile vectors[col ..],   and if mirrored   sums[col ..] += tile^T vectors[row ..]
// Vectors and sums are packed (column_packing.h) in a multiple of kTile rows. Rows of vectors
// beyond the matrix are zero; those of sums may be written and mean nothing.
template <class T>
struct TileProduct {
  const T* tile;  // [kTile, kTile]
  bool in_cache;  // just written
  long row;       // of the matrix, where the tile begins
  long col;
  long rows;  // of the tile that belong to the matrix
  long cols;
  bool mirrored;
  ColumnPacking packing;
  const T* vectors;
  long vector_rows;
  double* sums;
  long sum_rows;
  // Memory that this worker reads after this tile: fetched meanwhile. May be empty.
  const char* next;
  std::size_t next_bytes;
};

}  // namespace fastntk::cpu
