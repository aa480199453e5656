// SPDX-License-Identifier: Apache-2.0
// CUDA, or its emulation on the CPU (FASTNTK_EMULATED), and how a kernel is launched on either.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cuda/check.h"
#ifdef FASTNTK_EMULATED
#include "cuda/emulation/emulation.h"
#else
#include <cuda_runtime.h>
#endif

namespace fastntk::cuda {

constexpr int kWarp = 32;  // threads

struct Shape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic shared memory of a block
  cudaStream_t stream = nullptr;
};

// A kernel that does not ask has 48 KiB, its static shared memory included: what comes near asks. It
// asks for the same whatever it needs, because the answer is the kernel's and not the launch's, and
// other threads may launch it too. Every GPU gives so much beside 3 KiB of static memory.
constexpr std::size_t kUnaskedSharedBytes = 32 << 10;
constexpr std::size_t kAskedSharedBytes = 96 << 10;

#if defined(__CUDACC__) || defined(FASTNTK_EMULATED)

// Puts the kernel on shape.stream and returns. Throws CudaError if it could not be started.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Shape& shape, Arguments&&... arguments) {
  if (shape.shared_bytes > kUnaskedSharedBytes)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(std::max(shape.shared_bytes, kAskedSharedBytes))),
          "cudaFuncSetAttribute");
#ifdef __CUDACC__
  cudaLaunchConfig_t configuration{};
  configuration.gridDim = shape.grid;
  configuration.blockDim = shape.block;
  configuration.dynamicSmemBytes = shape.shared_bytes;
  configuration.stream = shape.stream;
  check(cudaLaunchKernelEx(&configuration, kernel, std::forward<Arguments>(arguments)...),
        "kernel launch");
#else
  check(emulation::launch(kernel, shape.grid, shape.block, shape.shared_bytes,
                          std::forward<Arguments>(arguments)...),
        "kernel launch");
#endif
}

// The value, about which the compiler knows nothing any more: what is computed from it is computed here,
// and does not take registers from before a loop on.
__device__ __forceinline__ int unknown(int value) {
  asm volatile("" : "+r"(value));
  return value;
}

// The block's dynamic shared memory, aligned to 128 bytes. Every call gives the same address.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ __align__(128) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
#else
  return reinterpret_cast<T*>(emulation::dynamic_shared_bytes());
#endif
}

#endif

}  // namespace fastntk::cuda
