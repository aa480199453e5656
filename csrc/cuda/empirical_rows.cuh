// SPDX-License-Identifier: Apache-2.0
// The kernels of empirical_rows.h: a warp has a row.
#pragma once

#include "cuda/empirical_rows.h"
#include "cuda/reduce.cuh"

namespace fastntk::cuda {

inline __device__ long row_of_warp() {
  return static_cast<long>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
}

// to: [rows][length], zeros behind the last column.
template <class T>
__global__ void __launch_bounds__(kThreads) align_rows_kernel(RowView<T> view, long length, T* to) {
  const long i = row_of_warp();
  if (i >= view.rows)
    return;
  for (long k = threadIdx.x % kWarp; k < length; k += kWarp)
    to[i * length + k] = k < view.columns ? view.data[i * view.columns + k] : T(0);
}

// The sum of squares of a row; all lanes of a warp.
template <class T>
__device__ double squared_norm(const ProductView& product, bool of_rows, long i) {
  const ProductRows& side = of_rows ? product.left : product.right;
  const T* row = reinterpret_cast<const T*>(side.data + i * side.row_bytes);
  double sum = 0;
  for (int k = threadIdx.x % kWarp; k < product.bytes / static_cast<int>(sizeof(T)); k += kWarp) {
    const double value = row[k];
    sum = mul_add(value, value, sum);
  }
  return warp_sum(sum);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    self_kernel_kernel(const __grid_constant__ EmpiricalView<T> problem, bool of_rows, T* diagonal,
                       unsigned long long* largest) {
  const long i = row_of_warp();
  if (i >= (of_rows ? problem.rows : problem.cols))
    return;
  double sum = 0;
  for (int t = 0; t < problem.term_count; ++t) {
    const TermView<T>& term = problem.terms[t];
    const double signals = term.signals.runs > 0 ? squared_norm<T>(term.signals, of_rows, i) : 1.0;
    const double activations = term.activations.runs > 0
                                   ? squared_norm<T>(term.activations, of_rows, i / problem.outputs)
                                   : 0.0;
    sum +=
        signals * (static_cast<double>(term.alpha) * activations + static_cast<double>(term.beta));
  }
  if (threadIdx.x % kWarp != 0)
    return;
  if (diagonal != nullptr)
    diagonal[i] = static_cast<T>(sum);
  // Bits of doubles that are not negative have the order of the numbers, with NaN above infinity.
  atomicMax(largest, static_cast<unsigned long long>(__double_as_longlong(fabs(sum))));
}

}  // namespace fastntk::cuda
