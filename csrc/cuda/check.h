// SPDX-License-Identifier: Apache-2.0
// The runtime's error codes as exceptions that name the failing call.
#pragma once

#include <stdexcept>
#include <string>

#ifdef FASTNTK_EMULATED
#include "cuda/emulation/runtime.h"
#else
#include <cuda_runtime_api.h>
#endif

namespace fastntk::cuda {

struct CudaError : std::runtime_error {
  CudaError(cudaError_t code, const char* call)
      : std::runtime_error(std::string(call) + ": " + cudaGetErrorName(code) + " (" +
                           cudaGetErrorString(code) + ")"),
        code(code) {}
  cudaError_t code;
};

// call: what was called, for the message. The runtime forgets an error that is thrown here: who
// catches it and goes on is not told again.
inline void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess)
    return;
  static_cast<void>(cudaGetLastError());
  throw CudaError(code, call);
}

}  // namespace fastntk::cuda
