// SPDX-License-Identifier: Apache-2.0
// The kernels of pointwise.h. A warp has 32 neighbouring columns, and goes down the rows.
#pragma once

#include "cuda/tile_shape.h"

namespace fastntk::cuda {

// Rows of a block: few enough that small matrices fill a GPU.
constexpr long kPointwiseRows = 32;

// f(row, col) for every cell of the block's rows that the thread has.
// block (x, y) -> rows [y kPointwiseRows, ...), columns [32 x, ...); rows go on where a grid ends.
template <class F>
__device__ void for_own_numbers(long rows, long cols, F f) {
  const long col = static_cast<long>(blockIdx.x) * kWarp + threadIdx.x % kWarp;
  if (col >= cols)
    return;
  for (long first = blockIdx.y * kPointwiseRows; first < rows;
       first += gridDim.y * kPointwiseRows) {
    for (long row = first + threadIdx.x / kWarp; row < smaller(first + kPointwiseRows, rows);
         row += kWarps)
      f(row, col);
  }
}

// Products and sums are rounded one by one, as on the CPU.
template <class Act, class T>
__global__ void __launch_bounds__(kThreads)
    activate_kernel(Act act, T factor, const T* shift, long rows, long cols, T* z, T* out) {
  for_own_numbers(rows, cols, [=](long row, long col) {
    const long at = row * cols + col;
    const T value = factor * z[at] + (shift != nullptr ? shift[col] : T(0));
    z[at] = value;
    if (out != nullptr)
      out[at] = act.value(value);
  });
}

template <class Act, class T>
__global__ void __launch_bounds__(kThreads)
    slope_kernel(Act act, T factor, const T* z, long rows, long cols, long outputs, T* signals) {
  for_own_numbers(rows, cols, [=](long row, long col) {
    const T slope = factor * act.slope(z[row * cols + col]);
    for (long k = 0; k < outputs; ++k)
      signals[(row * outputs + k) * cols + col] *= slope;
  });
}

}  // namespace fastntk::cuda
