// SPDX-License-Identifier: Apache-2.0
// Where a tile lies in its matrix, and where the matrix ends.
#pragma once

#include "cuda/device.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

template <class Shape>
struct TilePlace {
  long row, col;    // of the first cell
  long rows, cols;  // of the matrix
  bool symmetric;

  __device__ TilePlace(TileIndex at, long all_rows, long all_cols, bool is_symmetric)
      : row(at.i * Shape::kRows), col(at.j * Shape::kCols), rows(all_rows), cols(all_cols),
        symmetric(is_symmetric) {}

  __device__ bool holds(long i, long j) const { return i < rows && j < cols; }
  __device__ bool diagonal(long i, long j) const { return symmetric && i == j; }
  // Whether an entry is computed here: of a symmetric matrix, those below the diagonal are not.
  __device__ bool owns(long i, long j) const { return holds(i, j) && (!symmetric || i <= j); }
  // The indices to read for a cell, which may lie behind the data.
  __device__ long clamped_row(long i) const { return smaller(i, rows - 1); }
  __device__ long clamped_col(long j) const { return smaller(j, cols - 1); }
};

}  // namespace fastntk::cuda
