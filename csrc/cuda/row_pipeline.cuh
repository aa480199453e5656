// SPDX-License-Identifier: Apache-2.0
// The runs of a product of two matrices' rows, as pipeline.cuh brings those of packed samples: rows
// may have any length, and zeros are put behind it.
#pragma once

#include "cuda/empirical_problem.h"
#include "cuda/empirical_rows.h"
#include "cuda/pipeline.cuh"

namespace fastntk::cuda {

template <class Shape>
class RowPipeline {
public:
  // row, col: the first ones; behind the last one, it is read again.
  __device__ RowPipeline(const ProductView& product, int row, int col, char* shared)
      : bytes_(product.bytes), shared_(shared) {
    const int thread = unknown(threadIdx.x);
    // A thread copies the same part of one or two rows of either side, which change the places of
    // parts alike.
    const int line = thread / kRunParts, part = thread % kRunParts;
    part_ = part * kPartBytes;
    to_ = shared + part_offset(line, part);
    place(product.left, row + line, left_, left_next_);
    place(product.right, col + line, right_, right_next_);
  }

  // Calls step(stage) with runs [begin, end); all threads of the block, which have done with
  // `shared`, and have again when it returns.
  template <class Step>
  __device__ void run(int begin, int end, Step step) {
    const int behind = static_cast<int>(smaller(end * kRunBytes, bytes_));
    int at = begin * kRunBytes;
    load(at, behind);
    FASTNTK_ROLLED
    for (; at < behind; at += kRunBytes) {
      copy_async_wait<0>();
      __syncthreads();  // the run is here, and the stage that is filled next has been read
      load(at + kRunBytes, behind);
      step(shared_ + stage(at));
    }
    copy_async_wait<0>();
    __syncthreads();
  }

private:
  static constexpr int kTogether = kThreads / kRunParts;  // rows that all threads copy at a time
  static_assert(kTogether * kMostRowBytes < 1L << 32);

  // Of rows `at` and at + kTogether: where the first begins, and how far away the second is, which
  // kMostRowBytes keeps within 32 bits.
  __device__ void place(const ProductRows& side, int at, const char*& from, unsigned& next) {
    const int last = side.count - 1;
    const int first = at < last ? at : last;
    const int second = at + kTogether < last ? at + kTogether : last;
    from = side.data + first * side.row_bytes + part_;
    next = static_cast<unsigned>((second - first) * side.row_bytes);
  }

  // Runs that begin with bytes 0, 64, ... of a row take turns in two stages.
  __device__ static int stage(int at) {
    static_assert(Shape::kStages == 2);
    return at / kRunBytes % 2 * Shape::kStageBytes;
  }

  // Zeros behind the last byte: there, too, for a run that nobody asks for.
  __device__ void load(int at, int behind) {
    const bool there = at + part_ < behind;
    char* to = to_ + stage(at);
    copy_lines<Shape::kRows>(to, left_ + at, left_next_, there);
    copy_lines<Shape::kCols>(to + Shape::kRows * kRunBytes, right_ + at, right_next_, there);
    copy_async_commit();
  }

  template <int kLines>
  __device__ static void copy_lines(char* to, const char* from, unsigned next, bool there) {
    static_assert(kLines <= 2 * kTogether && (kLines < kTogether || kLines % kTogether == 0));
    if (kLines >= kTogether || threadIdx.x < kLines * kRunParts)
      copy_async_or_zero(to, from, there);
    if (kLines > kTogether)
      copy_async_or_zero(to + kTogether * kRunBytes, from + next, there);
  }

  int bytes_;
  int part_;  // where the thread's part of a run begins
  const char* left_;
  const char* right_;
  unsigned left_next_, right_next_;
  char* shared_;
  char* to_;
};

}  // namespace fastntk::cuda
