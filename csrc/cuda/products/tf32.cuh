// SPDX-License-Identifier: Apache-2.0
// Products of rows of floats by the matrix instruction of tf32, three times: see tf32.cuh.
//
// The instruction rounds its sums toward zero [Fasi et al. 2021], so that long sums of positive
// products would all be too small, by 2e-5 for 2,000 columns. Here a sum is short, one run of 16
// columns with its small products first, and short sums are added up to the nearest
// [Ootomo and Yokota 2022].
#pragma once

#include "cuda/products/bytes.cuh"
#include "cuda/tf32.cuh"

namespace fastntk::cuda {

template <class Shape>
struct Tf32Product {
  float sums[Shape::kThreadRows / 2][Shape::kThreadPairs][4] = {};

  __device__ void step(const char* stage) {
    SplitRight right[kByteSteps];  // an instruction has eight numbers of a row, which are 32 bytes
    FASTNTK_UNROLL
    for (int s = 0; s < kByteSteps; ++s)
      right[s].load(stage, s);
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    const int row = warp / Shape::kWarpsAcross * Shape::kWarpRows + lane % 16;
    const int from = part_offset(row, lane / 16);
    FASTNTK_UNROLL
    for (int i = 0; i < Shape::kThreadRows / 2; ++i) {
      float run[Shape::kThreadPairs][4] = {};
      FASTNTK_UNROLL
      for (int s = 0; s < kByteSteps; ++s) {
        unsigned values[4], high[4], low[4];
        load_matrices(values, stage + step_offset(from, s) + 16 * i * kRunBytes);
        split(values, high, low);
        FASTNTK_UNROLL
        for (int j = 0; j < Shape::kThreadPairs; ++j) {
          if (s == 0)
            mma_tf32_first(run[j], low, right[s].high[j]);
          else
            mma_tf32(run[j], low, right[s].high[j]);
          mma_tf32(run[j], high, right[s].low[j]);
          mma_tf32(run[j], high, right[s].high[j]);
        }
        __syncwarp();  // the next numbers are split no earlier: registers
      }
      FASTNTK_UNROLL
      for (int j = 0; j < Shape::kThreadPairs; ++j) {
        FASTNTK_UNROLL
        for (int e = 0; e < 4; ++e)
          sums[i][j][e] += run[j][e];
      }
    }
  }

  // Row i of the thread, column e of its pair j.
  __device__ float& at(int i, int j, int e) { return sums[i / 2][j][i % 2 * 2 + e]; }

private:
  template <int kCount>
  __device__ static void split(const unsigned (&values)[kCount], unsigned (&high)[kCount],
                               unsigned (&low)[kCount]) {
    FASTNTK_UNROLL
    for (int v = 0; v < kCount; ++v)
      split_tf32(__int_as_float(static_cast<int>(values[v])), high[v], low[v]);
  }

  // The columns of a warp in one step.
  struct SplitRight {
    unsigned high[Shape::kThreadPairs][2], low[Shape::kThreadPairs][2];

    __device__ void load(const char* stage, int step) {
      RightFragments<Shape> fragments;
      fragments.load(stage, step);
      FASTNTK_UNROLL
      for (int j = 0; j < Shape::kThreadPairs; ++j) {
        const unsigned(&pair)[4] = fragments.values[j / 2];
        const unsigned values[2] = {pair[j % 2 * 2], pair[j % 2 * 2 + 1]};
        split(values, high[j], low[j]);
      }
    }
  };
};

}  // namespace fastntk::cuda
