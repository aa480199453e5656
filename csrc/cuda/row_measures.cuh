// SPDX-License-Identifier: Apache-2.0
// The kernels of row_measures.h: a warp has a row, a block kRangeRows of them.
#pragma once

#include <cstdint>

#include "common/fixed_point.h"
#include "common/index.h"
#include "common/row_measures.h"
#include "common/row_scale.h"
#include "cuda/problem.h"
#include "cuda/reduce.cuh"
#include "cuda/row_measures.h"

namespace fastntk::cuda {

constexpr int kMeasureThreads = 256;
constexpr int kMeasureWarps = kMeasureThreads / kWarp;

template <class P>
__global__ void __launch_bounds__(kMeasureThreads)
    measure_integers_kernel(const std::uint8_t* data, long rows, long columns, InputLayer input,
                            IntegerMeasures<P> to) {
  __shared__ P least[kMeasureWarps];
  __shared__ P most[kMeasureWarps];
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const long begin = blockIdx.x * static_cast<long>(kRangeRows);
  const long end = smaller(rows, begin + kRangeRows);
  bool first = true;
  for (long i = begin + warp; i < end; i += kMeasureWarps) {
    const std::uint8_t* row = data + i * columns;
    long long sum = 0;
    for (long k = lane; k < columns; k += kWarp)
      sum += static_cast<int>(row[k]) * row[k];
    const long long norm = warp_sum(sum);
    if (lane != 0)
      continue;
    const RowRadius<P> radius = row_radius<P>(static_cast<double>(norm) + input.bias_term());
    to.norms[i] = norm;
    to.radius_hi[i] = radius.hi;
    to.radius_lo[i] = radius.lo;
    to.half_inverse[i] = radius.half_inverse;
    to.row_scale[i] = 1;
    to.weights[i] = input.s * static_cast<double>(norm);
    least[warp] = first ? radius.half_inverse : minimum(least[warp], radius.half_inverse);
    most[warp] = first ? radius.half_inverse : maximum(most[warp], radius.half_inverse);
    first = false;
  }
  __syncthreads();
  if (threadIdx.x != 0)
    return;
  P all_least = least[0], all_most = most[0];
  for (int w = 1; w < kMeasureWarps && begin + w < end; ++w) {
    all_least = minimum(all_least, least[w]);
    all_most = maximum(all_most, most[w]);
  }
  to.half_inverse_least[blockIdx.x] = all_least;
  to.half_inverse_most[blockIdx.x] = all_most;
}

// Whether a warp's row keeps its angles as fixed point.
inline __device__ bool serves_fixed_point(const float* row, long columns, double largest) {
  const float factor = static_cast<float>(fixed_point_factor(fixed_point_scale(largest)));
  FixedPointLoss<float> sum{0, 0, 0, 0};
  for (long k = threadIdx.x % kWarp; k < columns; k += kWarp) {
    const FixedPointLoss<float> loss = fixed_point_loss(row[k] * factor);
    sum.error += loss.error;
    sum.error_square += loss.error_square;
    sum.third_square += loss.third_square;
    sum.square += loss.square;
  }
  return fixed_point_serves(
      {warp_sum(static_cast<double>(sum.error)), warp_sum(static_cast<double>(sum.error_square)),
       warp_sum(static_cast<double>(sum.third_square)), warp_sum(static_cast<double>(sum.square))},
      columns);
}

// |x / scale|^2 of a warp's row.
inline __device__ double scaled_norm(const double* row, long columns, double scale) {
  const double factor = 1 / scale;
  double sum = 0;
  for (long k = threadIdx.x % kWarp; k < columns; k += kWarp) {
    const double scaled = row[k] * factor;
    sum += scaled * scaled;
  }
  return warp_sum(sum);
}

// The squares of floats stay within double's range: a power of two comes last.
inline __device__ double scaled_norm(const float* row, long columns, double scale) {
  const double factor = 1 / scale;
  double sum = 0;
  for (long k = threadIdx.x % kWarp; k < columns; k += kWarp)
    sum += static_cast<double>(row[k]) * row[k];
  return warp_sum(sum) * factor * factor;
}

template <class Value>
__global__ void __launch_bounds__(kMeasureThreads)
    measure_numbers_kernel(const Value* data, long rows, long columns, InputLayer input,
                           NumberMeasures to, SideSummary* summary) {
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const long begin = blockIdx.x * static_cast<long>(kRangeRows);
  const long end = smaller(rows, begin + kRangeRows);
  bool coarse = false;
  for (long i = begin + warp; i < end; i += kMeasureWarps) {
    const Value* row = data + i * columns;
    Value part = 0;
    for (long k = lane; k < columns; k += kWarp)
      part = maximum(part, row[k] < 0 ? -row[k] : row[k]);
    const double largest = warp_most(part);
    const double scale = power_below(largest);
    const double norm = scaled_norm(row, columns, scale);
    if constexpr (sizeof(Value) == sizeof(float)) {
      if (summary != nullptr)
        coarse |= !serves_fixed_point(row, columns, largest);
    }
    if (lane != 0)
      continue;
    const RowMeasures measures = row_measures(norm, scale, input);
    to.largest[i] = largest;
    to.p[i] = measures.p;
    to.v[i] = measures.v;
    to.row_scale[i] = scale;
    to.weights[i] = measures.weights;
  }
  if (coarse && lane == 0)
    atomicOr(&summary->coarse, 1u);
}

}  // namespace fastntk::cuda
