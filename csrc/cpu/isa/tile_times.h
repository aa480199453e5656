// SPDX-License-Identifier: Apache-2.0
// A tile times a block of vectors. Sums of one tile (at most 256 products) stay in T, in registers;
// tiles are added in double. The same loop multiplies by the transposed tile: only the strides
// change places.
#pragma once

#include "cpu/isa/pack.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kTimesRows = kVectorBytes == 64 ? 6 : 4;
constexpr int kTimesVectors = kVectorBytes == 64 ? 4 : 2;

template <int kRows, int kVectors, class T>
FASTNTK_HD void times_block(const T* tile, long row_stride, long depth_stride, long depth,
                            const T* v, double* y, long columns) {
  using V = Pack<T>;
  V sums[kRows][kVectors];
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int c = 0; c < kVectors; ++c)
      sums[i][c] = V(T(0));
  }
  for (long k = 0; k < depth; ++k) {
    V b[kVectors];
    FASTNTK_UNROLL
    for (int c = 0; c < kVectors; ++c)
      b[c] = V::load(v + k * columns + c * V::kLanes);
    FASTNTK_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V a(tile[i * row_stride + k * depth_stride]);
      FASTNTK_UNROLL
      for (int c = 0; c < kVectors; ++c)
        sums[i][c] = mul_add(a, b[c], sums[i][c]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    alignas(kVectorBytes) T row[kVectors * V::kLanes];
    FASTNTK_UNROLL
    for (int c = 0; c < kVectors; ++c)
      sums[i][c].store(row + c * V::kLanes);
    double* to = y + i * columns;
    for (int c = 0; c < kVectors * V::kLanes; c += F64::kLanes)
      (F64::load(to + c) + F64::convert(row + c)).store(to + c);
  }
}

template <int kVectors, class T>
void times_columns(const T* tile, long row_stride, long depth_stride, long rows, long depth,
                   const T* v, double* y, long columns) {
  long i = 0;
  for (; i + kTimesRows <= rows; i += kTimesRows) {
    times_block<kTimesRows, kVectors>(tile + i * row_stride, row_stride, depth_stride, depth, v,
                                      y + i * columns, columns);
  }
  for (; i < rows; ++i) {
    times_block<1, kVectors>(tile + i * row_stride, row_stride, depth_stride, depth, v,
                             y + i * columns, columns);
  }
}

template <class T>
void tile_times(const T* tile, long row_stride, long depth_stride, long rows, long depth,
                const T* v, double* y, long columns) {
  constexpr long kLanes = Pack<T>::kLanes;
  long c = 0;
  for (; c + kTimesVectors * kLanes <= columns; c += kTimesVectors * kLanes) {
    times_columns<kTimesVectors>(tile, row_stride, depth_stride, rows, depth, v + c, y + c,
                                 columns);
  }
  for (; c + kLanes <= columns; c += kLanes) {
    times_columns<1>(tile, row_stride, depth_stride, rows, depth, v + c, y + c, columns);
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
