// SPDX-License-Identifier: Apache-2.0
// Products of rows of floating-point numbers.
//
// kDouble and kWideInteger: the matrix instruction of doubles; sums of integers are exact below
// 2^53. kFloat: multiply-adds of floats whose short sums move to a pair of floats, sum and
// remainder, so that no double is needed where doubles are slow: the cosines of rows then err by
// 2e-8 to 1.6e-7, as on the CPU.
#pragma once

#include "cuda/pipeline.cuh"

namespace fastntk::cuda {

template <class Shape>
struct DoubleProduct {
  double sums[Shape::kThreadRows][Shape::kThreadPairs][2] = {};

  __device__ void step(const char* stage) {
    constexpr int kSteps = kRunBytes / 32;  // an instruction has four numbers of a row
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    // Which four is free, if rows and columns agree: of two parts that are not neighbours, whose
    // places in four rows are all different.
    const int place = lane % 2 + lane / 2 % 2 * 4;
    const int row = warp / Shape::kWarpsAcross * Shape::kWarpRows + lane / 4;
    const int col = Shape::kRows + warp % Shape::kWarpsAcross * Shape::kWarpCols + lane / 4;
    const auto number = [&](int line, int k) {
      const int byte = k * static_cast<int>(sizeof(double));
      return *reinterpret_cast<const double*>(stage + part_offset(line, byte / kPartBytes) +
                                              byte % kPartBytes);
    };
    FASTNTK_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      double left[Shape::kThreadRows], right[Shape::kThreadPairs];
      FASTNTK_UNROLL
      for (int i = 0; i < Shape::kThreadRows; ++i)
        left[i] = number(row + 8 * i, 2 * step + place);
      FASTNTK_UNROLL
      for (int j = 0; j < Shape::kThreadPairs; ++j)
        right[j] = number(col + 8 * j, 2 * step + place);
      mma_f64(sums, left, right);
    }
  }

  __device__ double at(int i, int j, int e) const { return sums[i][j][e]; }
  __device__ double& at(int i, int j, int e) { return sums[i][j][e]; }
};

template <class Shape>
struct FloatProduct {
  float sums[Shape::kThreadRows][Shape::kThreadPairs][2] = {};
  float remainders[Shape::kThreadRows][Shape::kThreadPairs][2] = {};

  // One run is 16 products: a short sum.
  __device__ void step(const char* stage) {
    const int row = Shape::thread_row(threadIdx.x);
    const int col = Shape::kRows + Shape::thread_col(threadIdx.x);
    float block[Shape::kThreadRows][Shape::kThreadPairs][2] = {};
    FASTNTK_UNROLL
    for (int part = 0; part < kRunParts; ++part) {
      float4 left[Shape::kThreadRows];
      FASTNTK_UNROLL
      for (int i = 0; i < Shape::kThreadRows; ++i)
        left[i] = *reinterpret_cast<const float4*>(stage + part_offset(row + 8 * i, part));
      FASTNTK_UNROLL
      for (int j = 0; j < Shape::kThreadPairs; ++j) {
        FASTNTK_UNROLL
        for (int e = 0; e < 2; ++e) {
          const float4 right =
              *reinterpret_cast<const float4*>(stage + part_offset(col + 8 * j + e, part));
          FASTNTK_UNROLL
          for (int i = 0; i < Shape::kThreadRows; ++i) {
            float& sum = block[i][j][e];
            sum = mul_add(left[i].x, right.x, sum);
            sum = mul_add(left[i].y, right.y, sum);
            sum = mul_add(left[i].z, right.z, sum);
            sum = mul_add(left[i].w, right.w, sum);
          }
        }
      }
    }
    FASTNTK_UNROLL
    for (int i = 0; i < Shape::kThreadRows; ++i) {
      FASTNTK_UNROLL
      for (int j = 0; j < Shape::kThreadPairs; ++j) {
        FASTNTK_UNROLL
        for (int e = 0; e < 2; ++e)
          add(sums[i][j][e], remainders[i][j][e], block[i][j][e]);
      }
    }
  }

  __device__ double at(int i, int j, int e) const {
    return static_cast<double>(sums[i][j][e]) + static_cast<double>(remainders[i][j][e]);
  }

private:
  // The rounding of a sum is what it lacks of its terms, exactly [Knuth 1969].
  __device__ static void add(float& sum, float& remainder, float term) {
    const float total = sum + term;
    const float added = total - sum;
    remainder += (sum - (total - added)) + (term - added);
    sum = total;
  }
};

}  // namespace fastntk::cuda
