// SPDX-License-Identifier: Apache-2.0
// Runs of rows on their way from device memory to the matrix instructions: several stages of shared
// memory are filled by asynchronous copies while an earlier one is multiplied.
//
// A stage holds a run of kRunBytes of every row of the tile (rows first, columns behind them), once
// per digit. The four parts of 16 bytes of a row change places from one pair of rows to the next:
// eight rows then meet in no bank.
#pragma once

#include "cuda/problem.h"
#include "cuda/tile_shape.h"
#include "cuda/warp.cuh"

namespace fastntk::cuda {

constexpr int kPartBytes = 16;
constexpr int kRunParts = kRunBytes / kPartBytes;

__device__ inline int part_offset(int row, int part) {
  return row * kRunBytes + ((part ^ (row >> 1 & 3)) * kPartBytes);
}

template <class Shape>
class Pipeline {
public:
  template <class P>
  __device__ Pipeline(const ProblemView<P>& problem, long row, long col, char* shared)
      : shared_(shared), runs_(problem.runs) {
    FASTNTK_UNROLL
    for (int u = 0; u < kUnits; ++u) {
      const int unit = threadIdx.x + u * kThreads;
      const int line = unit / kRunParts, part = unit % kRunParts;
      const bool left = line < Shape::kRows;
      const long at = left ? smaller(row + line, problem.rows.rows - 1)
                           : smaller(col + line - Shape::kRows, problem.cols.rows - 1);
      from_[u] = (left ? problem.rows.panel + at * problem.rows.row_bytes
                       : problem.cols.panel + at * problem.cols.row_bytes) +
                 part * kPartBytes;
      to_[u] = part_offset(line, part);
    }
  }

  // Calls step(stage) with every run; all threads of the block.
  template <class Step>
  __device__ void run(Step step) {
    for (int ahead = 0; ahead < Shape::kStages - 1; ++ahead)
      load(ahead);
    for (int run = 0; run < runs_; ++run) {
      copy_async_wait<Shape::kStages - 2>();
      __syncthreads();  // the run is here, and the stage that is filled next has been read
      load(run + Shape::kStages - 1);
      step(shared_ + run % Shape::kStages * Shape::kStageBytes);
    }
    copy_async_wait<0>();
    __syncthreads();
  }

private:
  static constexpr int kUnits = (Shape::kRows + Shape::kCols) * kRunParts / kThreads;

  // An empty group behind the last run, so that waiting counts alike.
  __device__ void load(int run) {
    if (run < runs_) {
      char* stage = shared_ + run % Shape::kStages * Shape::kStageBytes;
      FASTNTK_UNROLL
      for (int digit = 0; digit < Shape::kDigits; ++digit) {
        const long offset = static_cast<long>(run * Shape::kDigits + digit) * kRunBytes;
        FASTNTK_UNROLL
        for (int u = 0; u < kUnits; ++u)
          copy_async(stage + digit * Shape::kPlaneBytes + to_[u], from_[u] + offset);
      }
    }
    copy_async_commit();
  }

  char* shared_;
  int runs_;
  const char* from_[kUnits];
  int to_[kUnits];
};

}  // namespace fastntk::cuda
