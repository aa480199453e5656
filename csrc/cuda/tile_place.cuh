// SPDX-License-Identifier: Apache-2.0
// Where a tile lies in its matrix, and where the matrix ends.
#pragma once

#include "cuda/device.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

// Rows and columns are counted in 32 bits, for the registers' sake; places in memory in 64.
template <class Shape>
struct TilePlace {
  int row, col;    // of the first cell
  int rows, cols;  // of the matrix
  bool symmetric;

  __device__ TilePlace(TileIndex at, long all_rows, long all_cols, bool is_symmetric)
      : row(static_cast<int>(at.i * Shape::kRows)), col(static_cast<int>(at.j * Shape::kCols)),
        rows(static_cast<int>(all_rows)), cols(static_cast<int>(all_cols)),
        symmetric(is_symmetric) {}

  __device__ bool holds(int i, int j) const { return i < rows && j < cols; }
  __device__ bool diagonal(int i, int j) const { return symmetric && i == j; }
  // Whether an entry is computed here: of a symmetric matrix, those below the diagonal are not.
  __device__ bool owns(int i, int j) const { return holds(i, j) && (!symmetric || i <= j); }
  // The indices to read for a cell, which may lie behind the data.
  __device__ int clamped_row(int i) const { return i < rows ? i : rows - 1; }
  __device__ int clamped_col(int j) const { return j < cols ? j : cols - 1; }
};

}  // namespace fastntk::cuda
