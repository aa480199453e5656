// SPDX-License-Identifier: Apache-2.0
// The runtime calls that host code needs. There is one device, its memory is the host's, and
// everything that is put on a stream is done at once.
#pragma once

#include <cstddef>
#include <cstring>

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101
};

using cudaStream_t = struct CUstream_st*;

enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4
};

enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };

namespace fastntk::cuda::emulation {

// What compute capability 8.6, 8.9 and 12.0 have, 99 KiB: a kernel that keeps to it runs on all
// GPUs. On a device this holds static and dynamic shared memory together; here static memory is
// not counted.
constexpr std::size_t kSharedMemoryLimit = 101376;

struct RuntimeState {
  cudaError_t last_error = cudaSuccess;
  std::size_t shared_memory_limit = kSharedMemoryLimit;
  int multiprocessors = 4;
};
inline thread_local RuntimeState runtime_state;

inline cudaError_t report(cudaError_t code) {
  if (code != cudaSuccess)
    runtime_state.last_error = code;
  return code;
}

// For tests of kernels that only larger GPUs run; for launches from the calling thread.
inline void set_shared_memory_limit(std::size_t bytes) {
  runtime_state.shared_memory_limit = bytes;
}

// For tests of what depends on them, on the calling thread; blocks run one after the other all the same.
inline void set_multiprocessors(int count) { runtime_state.multiprocessors = count; }

}  // namespace fastntk::cuda::emulation

inline const char* cudaGetErrorName(cudaError_t code) {
  switch (code) {
  case cudaSuccess:
    return "cudaSuccess";
  case cudaErrorInvalidValue:
    return "cudaErrorInvalidValue";
  case cudaErrorMemoryAllocation:
    return "cudaErrorMemoryAllocation";
  case cudaErrorInvalidConfiguration:
    return "cudaErrorInvalidConfiguration";
  case cudaErrorNoDevice:
    return "cudaErrorNoDevice";
  case cudaErrorInvalidDevice:
    return "cudaErrorInvalidDevice";
  }
  return "unrecognized error code";
}

inline const char* cudaGetErrorString(cudaError_t code) {
  switch (code) {
  case cudaSuccess:
    return "no error";
  case cudaErrorInvalidValue:
    return "invalid argument";
  case cudaErrorMemoryAllocation:
    return "out of memory";
  case cudaErrorInvalidConfiguration:
    return "invalid configuration argument";
  case cudaErrorNoDevice:
    return "no CUDA-capable device is detected";
  case cudaErrorInvalidDevice:
    return "invalid device ordinal";
  }
  return "unrecognized error code";
}

// The calling thread's last error, which is forgotten by this.
inline cudaError_t cudaGetLastError() {
  const cudaError_t code = fastntk::cuda::emulation::runtime_state.last_error;
  fastntk::cuda::emulation::runtime_state.last_error = cudaSuccess;
  return code;
}

inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                                   cudaStream_t = nullptr) {
  if (bytes > 0)
    std::memmove(to, from, bytes);
  return cudaSuccess;
}

inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t = nullptr) {
  if (bytes > 0)
    std::memset(to, value, bytes);
  return cudaSuccess;
}

inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

inline cudaError_t cudaSetDevice(int device) {
  return fastntk::cuda::emulation::report(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  namespace emulation = fastntk::cuda::emulation;
  if (device != 0)
    return emulation::report(cudaErrorInvalidDevice);
  switch (attribute) {
  case cudaDevAttrMultiProcessorCount:
    *value = emulation::runtime_state.multiprocessors;
    return cudaSuccess;
  case cudaDevAttrComputeCapabilityMajor:
    *value = 8;
    return cudaSuccess;
  case cudaDevAttrComputeCapabilityMinor:
    *value = 6;
    return cudaSuccess;
  case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    *value = static_cast<int>(emulation::runtime_state.shared_memory_limit);
    return cudaSuccess;
  }
  return emulation::report(cudaErrorInvalidValue);
}

template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute attribute, int value) {
  namespace emulation = fastntk::cuda::emulation;
  const bool allowed =
      attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value >= 0 &&
      static_cast<std::size_t>(value) <= emulation::runtime_state.shared_memory_limit;
  return emulation::report(allowed ? cudaSuccess : cudaErrorInvalidValue);
}
