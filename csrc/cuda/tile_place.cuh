// SPDX-License-Identifier: Apache-2.0
// Where a tile lies in its matrix, and where the matrix ends.
#pragma once

#include "cuda/device.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

// Rows and columns are counted in 32 bits, for the registers' sake; places in memory in 64. Those of
// a batch of matrices are counted through.
template <class Shape>
struct TilePlace {
  int row, col;    // of the first cell
  int rows, cols;  // behind the last ones of the matrix
  int first_col;   // of the matrix
  bool symmetric;

  // Of matrix `number` of those with so many rows and columns each.
  __device__ TilePlace(TileIndex at, int number, int each_rows, int each_cols, bool is_symmetric)
      : row(number * each_rows + static_cast<int>(at.i) * Shape::kRows),
        col(number * each_cols + static_cast<int>(at.j) * Shape::kCols),
        rows((number + 1) * each_rows), cols((number + 1) * each_cols),
        first_col(number * each_cols), symmetric(is_symmetric) {}

  __device__ bool holds(int i, int j) const { return i < rows && j < cols; }
  __device__ bool diagonal(int i, int j) const { return symmetric && i == j; }
  // Whether an entry is computed here: of a symmetric matrix, those below the diagonal are not.
  __device__ bool owns(int i, int j) const { return holds(i, j) && (!symmetric || i <= j); }
  // The indices to read for a cell, which may lie behind the data.
  __device__ int clamped_row(int i) const { return i < rows ? i : rows - 1; }
  __device__ int clamped_col(int j) const { return j < cols ? j : cols - 1; }
};

}  // namespace fastntk::cuda
