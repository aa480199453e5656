// SPDX-License-Identifier: Apache-2.0
// Kernels that no device would run as they are meant, and calls that CUDA refuses: the emulator
// says what is wrong, and works again afterwards.
#include <functional>
#include <string>

#include "check.h"
#include "cuda/warp.cuh"

namespace {

using namespace fastntk::cuda;

constexpr unsigned kAll = 0xffffffff;

// Before or after others have come to the barrier.
template <unsigned kThread>
__global__ void leaves_before_barrier_kernel() {
  if (threadIdx.x == kThread)
    return;
  __syncthreads();
}

__global__ void two_barriers_kernel() {
  if (threadIdx.x < 40)
    __syncthreads();
  else
    __syncthreads();
}

template <unsigned kThread>
__global__ void leaves_before_shuffle_kernel() {
  if (threadIdx.x == kThread)
    return;
  __shfl_sync(kAll, 1, 2);
}

__global__ void different_operations_kernel() {
  if (threadIdx.x % 2)
    __ballot_sync(kAll, 1);
  else
    __shfl_sync(kAll, 1, 2);
}

__global__ void different_masks_kernel() { __syncwarp(threadIdx.x % 32 < 16 ? kAll : 0xffff8000); }

__global__ void inactive_source_kernel() {
  if (threadIdx.x < 16)
    __shfl_sync(0xffff, 1, 20);
}

__global__ void absent_source_kernel() { __shfl_xor_sync(kAll, 1, 16); }  // with 48 threads

__global__ void not_in_mask_kernel() { __syncwarp(0xfffffffe); }

// After barriers of both kinds: lane 0 waits for its warp, the others for the block.
__global__ void deadlock_kernel() {
  __syncthreads();
  __syncwarp();
  if (threadIdx.x == 0)
    __syncwarp();
  __syncthreads();
}

__global__ void misaligned_copy_kernel(const unsigned char* source) {
  copy_async(dynamic_shared<unsigned char>() + 8, source);
}

__global__ void misaligned_load_kernel() {
  unsigned words[4];
  load_matrices(words, dynamic_shared<unsigned char>() + 4);
}

__global__ void unawaited_copy_kernel(const unsigned char* source) {
  copy_async(dynamic_shared<unsigned char>() + 16 * threadIdx.x, source);
  copy_async_commit();
}

__global__ void proper_kernel(int* out) {
  __shared__ int values[64];
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = __shfl_xor_sync(kAll, values[63 - threadIdx.x], 1);
}

void works() {
  int out[64];
  launch(proper_kernel, {1, 64}, out);
  for (int i = 0; i < 64; ++i)
    CHECK_EQUAL(out[i], (63 - i) ^ 1);
}

// The message has all words, and names a thread of the second block.
template <class... Words>
void check_refused(int line, const std::function<void()>& start, const Words&... words) {
  std::string message;
  try {
    start();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  for (const char* word : {"thread (", words...})
    if (message.find(word) == std::string::npos)
      test::fail(__FILE__, line, '"', message, "\" lacks \"", word, '"');
  ++test::checks;
  works();
}

// In the second block only, so that the emulator is seen to name it.
template <void (*kKernel)()>
__global__ void in_second_block_kernel() {
  if (blockIdx.x == 1)
    kKernel();
}

template <void (*kKernel)(), class... Words>
void check_kernel(int line, unsigned threads, const Words&... words) {
  check_refused(
      line, [&] { launch(in_second_block_kernel<kKernel>, {2, threads, 1024}); },
      "of block (1, 0, 0)", words...);
}

void misused_barriers() {
  check_kernel<leaves_before_barrier_kernel<0>>(__LINE__, 64, " in __syncthreads", "the kernel");
  check_kernel<leaves_before_barrier_kernel<5>>(__LINE__, 64, " in __syncthreads", "the kernel");
  check_kernel<two_barriers_kernel>(__LINE__, 64, "divergent barrier", "test_emulator_misuse.cpp:");
  check_kernel<leaves_before_shuffle_kernel<32>>(__LINE__, 64, "thread (32, 0, 0)", "the kernel",
                                                 "in __shfl_sync");
  check_kernel<leaves_before_shuffle_kernel<40>>(__LINE__, 64, "thread (40, 0, 0)", "the kernel",
                                                 "in __shfl_sync");
  check_kernel<different_operations_kernel>(__LINE__, 64, "divergent warp", "in __shfl_sync",
                                            "in __ballot_sync");
  check_kernel<different_masks_kernel>(__LINE__, 64, "divergent warp", "in __syncwarp");
  check_kernel<inactive_source_kernel>(__LINE__, 32, "reads lane 20 in __shfl_sync");
  check_kernel<absent_source_kernel>(__LINE__, 48, "in __shfl_xor_sync", "which takes no part");
  check_kernel<not_in_mask_kernel>(__LINE__, 32, "thread (0, 0, 0)", "lacks its own lane 0");
  check_kernel<deadlock_kernel>(__LINE__, 64, "deadlock", "in __syncthreads",
                                "thread (0, 0, 0) of block (1, 0, 0) waits in __syncwarp");
  check_kernel<misaligned_load_kernel>(__LINE__, 32, "load_matrices", "no multiple of 16");
}

void misused_copies() {
  alignas(16) static const unsigned char source[16] = {};
  check_refused(
      __LINE__, [] { launch(misaligned_copy_kernel, {1, 1, 64}, source); }, "copy_async",
      "no multiple of 16");
  check_refused(
      __LINE__, [] { launch(unawaited_copy_kernel, {1, 2, 64}, source); },
      "without waiting for 1 of its asynchronous copies");
}

__global__ void any_kernel() {}

void refused_launches() {
  for (const dim3& block : {dim3(1025), dim3(0), dim3(1, 1, 65), dim3(32, 32, 2)})
    CHECK_THROWS(CudaError, launch(any_kernel, {1, block}));
  for (const dim3& grid : {dim3(0), dim3(1, 65536), dim3(1, 1, 65536), dim3(0x80000000)})
    CHECK_THROWS(CudaError, launch(any_kernel, {grid, 32}));
  launch(any_kernel, {1, 32, emulation::kSharedMemoryLimit});
  CHECK_THROWS(CudaError, launch(any_kernel, {1, 32, emulation::kSharedMemoryLimit + 1}));
  emulation::set_shared_memory_limit(200 << 10);
  launch(any_kernel, {1, 32, 200 << 10});
  emulation::set_shared_memory_limit(emulation::kSharedMemoryLimit);
  try {
    launch(any_kernel, {1, 2000});
  } catch (const CudaError& error) {
    CHECK_EQUAL(error.code, cudaErrorInvalidConfiguration);
    CHECK_EQUAL(std::string(error.what()), "kernel launch: cudaErrorInvalidConfiguration (invalid "
                                           "configuration argument)");
  }
}

void runtime_calls() {
  int value = 0;
  check(cudaGetDeviceCount(&value), "cudaGetDeviceCount");
  CHECK_EQUAL(value, 1);
  CHECK_EQUAL(cudaSetDevice(1), cudaErrorInvalidDevice);
  CHECK_EQUAL(cudaGetLastError(), cudaErrorInvalidDevice);
  CHECK_THROWS(CudaError, check(cudaSetDevice(1), "cudaSetDevice"));
  CHECK_EQUAL(cudaGetLastError(), cudaSuccess);  // forgotten once thrown
  check(cudaSetDevice(0), "cudaSetDevice");
  check(cudaGetDevice(&value), "cudaGetDevice");
  CHECK_EQUAL(value, 0);
  const auto attribute = [&](cudaDeviceAttr which) {
    check(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
    return value;
  };
  CHECK_EQUAL(attribute(cudaDevAttrMultiProcessorCount), 4);
  CHECK_EQUAL(attribute(cudaDevAttrComputeCapabilityMajor), 8);
  CHECK_EQUAL(attribute(cudaDevAttrComputeCapabilityMinor), 6);
  CHECK_EQUAL(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin), 101376);
  const int from[2] = {3, 4};
  int to[2] = {};
  check(cudaMemcpyAsync(to, from, sizeof(to), cudaMemcpyDefault, nullptr), "cudaMemcpyAsync");
  CHECK(to[0] == 3 && to[1] == 4);
  check(cudaMemsetAsync(to, 0, sizeof(to), nullptr), "cudaMemsetAsync");
  check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
  CHECK(to[0] == 0 && to[1] == 0);
}

}  // namespace

int main() {
  works();
  misused_barriers();
  misused_copies();
  refused_launches();
  runtime_calls();
  return test::summary();
}
