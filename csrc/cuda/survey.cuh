// SPDX-License-Identifier: Apache-2.0
// The kernels of survey.h.
#pragma once

#include <type_traits>

#include "common/close_pairs.h"
#include "cuda/reduce.cuh"
#include "cuda/survey.h"

namespace fastntk::cuda {

constexpr int kSurveyThreads = 256;
constexpr int kSurveyRows = 256;  // that a thread looks at

// A thread has one column of the block's rows: a warp reads neighbours.
template <class Value>
__global__ void __launch_bounds__(kSurveyThreads)
    survey_kernel(const Value* data, long rows, long columns, unsigned* used,
                  SideSummary* summary) {
  const long column = blockIdx.y * static_cast<long>(kSurveyThreads) + threadIdx.x;
  const long begin = blockIdx.x * static_cast<long>(kSurveyRows);
  const long end = smaller(rows, begin + kSurveyRows);
  bool other = false, negative = false, strange = false;
  if (column < columns) {
    for (long i = begin; i < end; ++i) {
      const Value value = data[i * columns + column];
      other |= value != 0;
      if constexpr (std::is_floating_point_v<Value>) {
        negative |= value < 0;
        strange |= value - value != 0;
      }
    }
  }
  const unsigned others = __ballot_sync(kAllLanes, other);
  const bool any_negative = __any_sync(kAllLanes, negative) != 0;
  const bool any_strange = __any_sync(kAllLanes, strange) != 0;
  if (threadIdx.x % kWarp != 0)
    return;
  if (others != 0)
    atomicOr(used + column / kWarp, others);
  if (any_negative)
    atomicOr(&summary->negative, 1u);
  if (any_strange)
    atomicOr(&summary->non_finite, 1u);
}

struct CloseSample {
  const float* x;
  const float* y;
  long rows, cols, columns;
  long size;
  double data_scale, bias_term, threshold;
};

// A warp has a pair.
static __global__ void __launch_bounds__(kSurveyThreads)
    close_pairs_kernel(CloseSample sample, SideSummary* summary) {
  const long s = blockIdx.x * static_cast<long>(kSurveyThreads / kWarp) + threadIdx.x / kWarp;
  if (s >= sample.size)
    return;
  const float* row = sample.x + sampled_row(s, sample.rows) * sample.columns;
  const float* col = sample.y + sampled_col(s, sample.cols) * sample.columns;
  PairSums sums{0, 0, 0};
  for (long k = threadIdx.x % kWarp; k < sample.columns; k += kWarp) {
    const double a = row[k] * sample.data_scale, b = col[k] * sample.data_scale;
    sums.dot += a * b;
    sums.norm_x += a * a;
    sums.norm_y += b * b;
  }
  sums = {warp_sum(sums.dot), warp_sum(sums.norm_x), warp_sum(sums.norm_y)};
  if (threadIdx.x % kWarp == 0 && is_close(sums, sample.bias_term, sample.threshold))
    atomicAdd(&summary->close_pairs, 1u);
}

}  // namespace fastntk::cuda
