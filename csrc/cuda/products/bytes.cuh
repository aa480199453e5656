// SPDX-License-Identifier: Apache-2.0
// Products of rows of bytes by the matrix instructions of 8-bit integers.
//
// kInteger: unsigned bytes, one sum modulo 2^32. kSlices: three signed digits of a fixed-point
// number n 2^-22 = (d0 2^16 + d1 2^8 + d2) 2^-22, eight products of digits in four sums by weight:
//   d0 d0',   d0 d1' + d1 d0',   d0 d2' + d1 d1' + d2 d0',   d1 d2' + d2 d1'.
// Both are exact; three products of digits to a sum fit 31 bits up to 43,690 columns.
#pragma once

#include "cuda/pipeline.cuh"

namespace fastntk::cuda {

// Two parts further on: the places of parts differ from row to row, but sixteen rows on they are
// the same, so that one address serves a thread.
__device__ inline int step_offset(int offset, int step) { return offset ^ step * 2 * kPartBytes; }

// A warp's operands of the instructions in one step of 32 bytes, of one digit.
template <class Shape>
struct LeftFragments {
  unsigned values[Shape::kThreadRows / 2][4];

  __device__ LeftFragments(const char* plane, int step) {
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    const int row = warp / Shape::kWarpsAcross * Shape::kWarpRows + lane % 16;
    const char* from = plane + step_offset(part_offset(row, lane / 16), step);
    FASTNTK_UNROLL
    for (int i = 0; i < Shape::kThreadRows / 2; ++i)
      load_matrices(values[i], from + 16 * i * kRunBytes);
  }
};

template <class Shape>
struct RightFragments {
  unsigned values[Shape::kThreadPairs / 2][4];  // for two instructions each

  __device__ void load(const char* plane, int step) {
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    const int col = warp % Shape::kWarpsAcross * Shape::kWarpCols + lane % 8 + lane / 16 * 8;
    const char* from = plane + step_offset(part_offset(Shape::kRows + col, lane / 8 % 2), step);
    FASTNTK_UNROLL
    for (int j = 0; j < Shape::kThreadPairs / 2; ++j)
      load_matrices(values[j], from + 16 * j * kRunBytes);
  }
};

constexpr int kByteSteps = kRunBytes / 32;

template <class Shape>
struct ByteSums {
  int values[Shape::kThreadRows / 2][Shape::kThreadPairs][4] = {};

  template <bool kSigned>
  __device__ void add(const LeftFragments<Shape>& left, const RightFragments<Shape>& right) {
    FASTNTK_UNROLL
    for (int i = 0; i < Shape::kThreadRows / 2; ++i) {
      FASTNTK_UNROLL
      for (int j = 0; j < Shape::kThreadPairs; ++j) {
        const unsigned(&pair)[4] = right.values[j / 2];
        const unsigned operand[2] = {pair[j % 2 * 2], pair[j % 2 * 2 + 1]};
        mma_bytes<kSigned>(values[i][j], left.values[i], operand);
      }
    }
  }

  // Row i of the thread, column e of its pair j.
  __device__ int at(int i, int j, int e) const { return values[i / 2][j][i % 2 * 2 + e]; }
};

template <class Shape>
struct IntegerProduct {
  ByteSums<Shape> sums;

  __device__ void step(const char* stage) {
    FASTNTK_UNROLL
    for (int step = 0; step < kByteSteps; ++step) {
      RightFragments<Shape> right;
      right.load(stage, step);
      sums.template add<false>(LeftFragments<Shape>(stage, step), right);
    }
  }

  __device__ int at(int i, int j, int e) const { return sums.at(i, j, e); }
};

template <class Shape>
struct SliceProduct {
  ByteSums<Shape> sums[kSliceSums];

  __device__ void step(const char* stage) {
    FASTNTK_ROLLED  // registers for one step only
        for (int step = 0; step < kByteSteps; ++step) {
      RightFragments<Shape> right[fastntk::kSlices];
      FASTNTK_UNROLL
      for (int b = 0; b < fastntk::kSlices; ++b)
        right[b].load(stage + b * Shape::kPlaneBytes, step);
      FASTNTK_UNROLL
      for (int a = 0; a < fastntk::kSlices; ++a) {
        const LeftFragments<Shape> left(stage + a * Shape::kPlaneBytes, step);
        FASTNTK_UNROLL
        for (int b = 0; b < fastntk::kSlices; ++b) {
          if (a + b < kSliceSums)
            sums[a + b].template add<true>(left, right[b]);
        }
      }
    }
  }

  // The sum of products of x / row_scale.
  __device__ double at(int i, int j, int e) const {
    long long total = sums[0].at(i, j, e);
    FASTNTK_UNROLL
    for (int s = 1; s < kSliceSums; ++s)
      total = total * 256 + sums[s].at(i, j, e);
    return static_cast<double>(total) * 0x1p-36;
  }
};

}  // namespace fastntk::cuda
