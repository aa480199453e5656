// SPDX-License-Identifier: Apache-2.0
// A tile in shared memory times vectors, and for a symmetric matrix its transpose too.
//
// Floats are multiplied as pairs of tf32 numbers (tf32.cuh), with an error of up to 7e-7 of a product,
// in short sums, because the instruction rounds toward zero (products/tf32.cuh). Doubles have a matrix
// instruction of their own. A tile's sum is rounded to fixed point once and added as an integer.
#pragma once

#include "cuda/cells.cuh"
#include "cuda/deficits.cuh"
#include "cuda/tf32.cuh"
#include "cuda/tile_sink.h"
#include "cuda/warp.cuh"

namespace fastntk::cuda {

// Columns of the vectors that lie in shared memory at once, in rows so wide that the lanes of a
// matrix instruction meet in no bank.
template <class V>
struct VectorPanel {
  static constexpr int kColumns = sizeof(V) == sizeof(float) ? 32 : 16;
  static constexpr int kStride = kColumns + (sizeof(V) == sizeof(float) ? 8 : 4);

  // As many rows as a tile has rows or columns.
  template <class Shape>
  static constexpr int shared_bytes() {
    static_assert(Shape::kRows >= Shape::kCols, "rows are the longer side");
    return Shape::kRows * kStride * static_cast<int>(sizeof(V));
  }
};

// 16 rows by 16 columns of a warp: the sums of A B, where a(row, k) and b(k, column) read.
struct FloatBlock {
  static constexpr int kDepth = 8;
  float sums[2][4] = {};

  template <class A, class B>
  __device__ void add(A a, B b) {
    const int group = threadIdx.x % kWarp / 4, place = threadIdx.x % 4;
    unsigned high[4], low[4];
    FASTNTK_UNROLL
    for (int i = 0; i < 4; ++i)
      split_tf32(a(group + 8 * (i % 2), place + 4 * (i / 2)), high[i], low[i]);
    FASTNTK_UNROLL
    for (int half = 0; half < 2; ++half) {
      unsigned b_high[2], b_low[2];
      FASTNTK_UNROLL
      for (int i = 0; i < 2; ++i)
        split_tf32(b(place + 4 * i, group + 8 * half), b_high[i], b_low[i]);
      float step[4];
      mma_tf32_first(step, low, b_high);
      mma_tf32(step, high, b_low);
      mma_tf32(step, high, b_high);
      FASTNTK_UNROLL
      for (int i = 0; i < 4; ++i)
        sums[half][i] += step[i];
    }
  }

  template <class F>
  __device__ void each(F f) const {
    const int group = threadIdx.x % kWarp / 4, place = threadIdx.x % 4;
    FASTNTK_UNROLL
    for (int half = 0; half < 2; ++half) {
      FASTNTK_UNROLL
      for (int i = 0; i < 4; ++i)
        f(group + 8 * (i / 2), 8 * half + 2 * place + i % 2, sums[half][i]);
    }
  }
};

struct DoubleBlock {
  static constexpr int kDepth = 4;
  double sums[2][2][2] = {};

  template <class A, class B>
  __device__ void add(A a, B b) {
    const int group = threadIdx.x % kWarp / 4, place = threadIdx.x % 4;
    double left[2], right[2];
    FASTNTK_UNROLL
    for (int i = 0; i < 2; ++i) {
      left[i] = a(group + 8 * i, place);
      right[i] = b(place, group + 8 * i);
    }
    mma_f64(sums, left, right);
  }

  template <class F>
  __device__ void each(F f) const {
    const int group = threadIdx.x % kWarp / 4, place = threadIdx.x % 4;
    FASTNTK_UNROLL
    for (int i = 0; i < 2; ++i) {
      FASTNTK_UNROLL
      for (int half = 0; half < 2; ++half) {
        FASTNTK_UNROLL
        for (int e = 0; e < 2; ++e)
          f(group + 8 * i, 8 * half + 2 * place + e, sums[i][half][e]);
      }
    }
  }
};

template <class V>
using VectorBlock = std::conditional_t<sizeof(V) == sizeof(float), FloatBlock, DoubleBlock>;

// sums [rows, k] += A B of a block of threads: a(i, j) are `rows` x `depth` numbers of the tile,
// panel [depth] rows of vectors, whose columns begin with `first`.
template <class V, class A>
__device__ void add_products(int rows, int depth, A a, const V* panel, const VectorSink& sink,
                             long row, long rows_end, long first) {
  using Panel = VectorPanel<V>;
  using Block = VectorBlock<V>;
  constexpr int kEdge = 16;
  constexpr int kAcross = Panel::kColumns / kEdge;
  for (int block = threadIdx.x / kWarp; block < rows / kEdge * kAcross; block += kWarps) {
    const int down = block / kAcross * kEdge, across = block % kAcross * kEdge;
    Block sums;
    for (int k = 0; k < depth; k += Block::kDepth) {
      sums.add([&](int i, int j) { return static_cast<V>(a(down + i, k + j)); },
               [&](int i, int j) { return panel[(k + i) * Panel::kStride + across + j]; });
    }
    sums.each([&](int i, int j, V sum) {
      const long at = row + down + i, column = first + across + j;
      if (at < rows_end && column < sink.k) {
        const long long fixed = __double2ll_rn(static_cast<double>(sum) * sink.unit);
        atomicAdd(sink.sums + at * sink.k + column, static_cast<unsigned long long>(fixed));
      }
    });
  }
}

// All threads of the block. Cells beyond the matrix and below its diagonal are zero; `shared` has
// room for a panel.
template <class V, class Shape, class P>
__device__ void tile_times(const TilePlace<Shape>& place, const Cells<P, Shape::kCols>& cells,
                           const VectorSink& sink, char* shared) {
  using Panel = VectorPanel<V>;
  V* panel = reinterpret_cast<V*>(shared);
  const V* vectors = static_cast<const V*>(sink.vectors);
  const auto load = [&](int count, long begin, long end, long first) {
    __syncthreads();  // the panel before has been read, the cells written
    for (int at = threadIdx.x; at < count * Panel::kColumns; at += kThreads) {
      const int row = at / Panel::kColumns, column = at % Panel::kColumns;
      const bool there = begin + row < end && first + column < sink.k;
      panel[row * Panel::kStride + column] =
          there ? vectors[(begin + row) * sink.k + first + column] : V(0);
    }
    __syncthreads();
  };
  for (long first = 0; first < sink.k; first += Panel::kColumns) {
    load(Shape::kCols, place.col, place.cols, first);
    add_products<V>(
        Shape::kRows, Shape::kCols, [&](int i, int j) { return cells.at(i, j); }, panel, sink,
        place.row, place.rows, first);
    if (!place.symmetric)
      continue;
    load(Shape::kRows, place.row, place.rows, first);
    add_products<V>(
        Shape::kCols, Shape::kRows,
        [&](int j, int i) { return place.row + i == place.col + j ? P(0) : cells.at(i, j); }, panel,
        sink, place.col, place.cols, first);
  }
}

}  // namespace fastntk::cuda
