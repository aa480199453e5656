// SPDX-License-Identifier: Apache-2.0
// Kernels around products with vectors; see vectors.h.
#pragma once

#include <cmath>

#include "cuda/tile_shape.h"
#include "cuda/vectors.h"

namespace fastntk::cuda {

// Rows whose magnitudes one block adds up.
constexpr long kVectorRows = 1024;

template <class P>
__device__ double factor_of(const P* factors, long i) {
  return factors == nullptr ? 1.0 : static_cast<double>(factors[i]);
}

// block (chunk of rows, 32 columns) -> partial [chunks, k]: sums of |b_j v_jc|, in one order for all.
template <class P, class V>
__global__ void __launch_bounds__(kThreads)
    magnitude_kernel(const V* v, const P* factors, long rows, long k, double* partial) {
  __shared__ double sums[kWarps][kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const long column = static_cast<long>(blockIdx.y) * kWarp + lane;
  const long begin = static_cast<long>(blockIdx.x) * kVectorRows;
  double sum = 0;
  if (column < k) {
    for (long j = begin + warp; j < smaller(begin + kVectorRows, rows); j += kWarps)
      sum += fabs(factor_of(factors, j) * static_cast<double>(v[j * k + column]));
  }
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || column >= k)
    return;
  for (int other = 1; other < kWarps; ++other)
    sum += sums[other][lane];
  partial[blockIdx.x * k + column] = sum;
}

// thread -> column: the power of two that brings the sum of its magnitudes into [1, 2).
template <class Number>
__global__ void scale_kernel(const Number* partial, long chunks, long k, Number* scales) {
  const long column = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (column >= k)
    return;
  double sum = 0;
  for (long chunk = 0; chunk < chunks; ++chunk)
    sum += partial[chunk * k + column];
  // The scale of a tiny sum is kept finite; that of an infinite one is zero, and the result no number.
  const int exponent = sum > 0 ? ilogb(sum) : 0;
  scales[column] = ldexp(1.0, -(exponent < -1000 ? -1000 : exponent));
}

// thread -> entry
template <class P, class V, class U>
__global__ void vector_kernel(const V* v, const P* factors, const double* scales, long rows, long k,
                              U* scaled) {
  const long at = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at < rows * k)
    scaled[at] =
        static_cast<U>(factor_of(factors, at / k) * static_cast<double>(v[at]) * scales[at % k]);
}

// thread -> entry
template <class P>
__global__ void result_kernel(const unsigned long long* sums, const P* factors,
                              const double* scales, double unit, long rows, long k, double* y) {
  const long at = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= rows * k)
    return;
  const double sum = static_cast<double>(static_cast<long long>(sums[at])) / unit;
  y[at] = factor_of(factors, at / k) * (sum / scales[at % k]);
}

}  // namespace fastntk::cuda
