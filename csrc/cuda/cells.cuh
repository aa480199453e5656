// SPDX-License-Identifier: Apache-2.0
// The cells of a tile in shared memory: products or deficits first, kernel values then.
//
// The columns of a row are permuted so that no two lanes meet in a bank (of doubles, no two of half a
// warp), whether a warp goes along rows, down columns, writes the result of a matrix instruction
// (eight rows, four pairs of columns), or reads an operand of one (eight rows, four columns) or of
// its transpose (four rows, eight columns).
#pragma once

#include "cuda/device.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

template <class P, int kCols>
struct Cells {
  P* data;

  __device__ P& at(int row, int col) const { return data[row * kCols + (col ^ moved(row))]; }

private:
  __device__ static int moved(int row) {
    if constexpr (sizeof(P) == sizeof(float))
      return (row & 3) << 3 | ((row >> 2 & 7) ^ (row & 4));
    else
      return (row & 1) << 3 | ((row >> 1 & 7) ^ (row << 1 & 4));
  }
};

// A 32-bit integer kept in a cell.
__device__ inline float cell_of_integer(int value, float) { return __int_as_float(value); }
__device__ inline double cell_of_integer(int value, double) { return value; }
__device__ inline int integer_of_cell(float cell) { return __float_as_int(cell); }
__device__ inline int integer_of_cell(double cell) { return static_cast<int>(cell); }

}  // namespace fastntk::cuda
