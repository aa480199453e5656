// SPDX-License-Identifier: Apache-2.0
// Compiled, never run: each instruction of cuda/warp.cuh once, a launch, and what
// common/scalar_math.h has for the device. CI fails on an error, a warning or a register spill.
#include "common/scalar_math.h"
#include "cuda/warp.cuh"

namespace fastntk::cuda {

__global__ void products_kernel(const unsigned char* source, int* integers, float* floats,
                                double* doubles) {
  auto* shared = dynamic_shared<unsigned char>();
  copy_async(shared + threadIdx.x * 16, source + threadIdx.x * 16);
  copy_async_commit();
  copy_async_wait<0>();
  __syncthreads();
  unsigned a[4];
  load_matrices(a, shared + threadIdx.x % 32 * 16);
  const unsigned b[2] = {a[1], a[2]};
  int sums[4] = {};
  mma_bytes<false>(sums, a, b);
  mma_bytes<true>(sums, a, b);
  float float_sums[4] = {};
  mma_tf32(float_sums, a, b);
  double double_sums[1][1][2] = {};
  const double left[1] = {doubles[0]}, right[1] = {doubles[1]};
  mma_f64(double_sums, left, right);
  for (int i = 0; i < 4; ++i) {
    integers[threadIdx.x * 4 + i] = sums[i];
    floats[threadIdx.x * 4 + i] = float_sums[i];
  }
  doubles[threadIdx.x] = double_sums[0][0][0] + double_sums[0][0][1];
}

template <class T>
__global__ void scalars_kernel(T* values) {
  T* value = values + threadIdx.x * 4;
  value[3] = mul_add(value[0], value[1], square_root(value[2]));
  value[2] = neg_mul_add(value[0], value[1], value[2]);
}

void launch_kernels(const unsigned char* source, int* integers, float* floats, double* doubles,
                    cudaStream_t stream) {
  launch(products_kernel, {1, 32, 64 << 10, stream}, source, integers, floats, doubles);
  launch(scalars_kernel<float>, {1, 32, 0, stream}, floats);
  launch(scalars_kernel<double>, {1, 32, 0, stream}, doubles);
}

}  // namespace fastntk::cuda
