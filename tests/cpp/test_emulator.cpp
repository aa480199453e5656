// SPDX-License-Identifier: Apache-2.0
// The emulator of CUDA: indices, barriers, warp-wide exchange, atomic operations, orders, runtime.
// Built twice, with fibers and with threads.
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "cuda/device.h"

namespace {

using namespace fastntk::cuda;
using emulation::Order;

constexpr unsigned kAll = 0xffffffff;
#ifdef FASTNTK_EMULATION_THREADS
constexpr unsigned kLargestSum = 64;  // a barrier of real threads takes its time
#else
constexpr unsigned kLargestSum = 256;
#endif

__global__ void indices_kernel(int* visits, uint3* blocks, uint3* threads) {
  const long block = blockIdx.x + long(gridDim.x) * (blockIdx.y + long(gridDim.y) * blockIdx.z);
  const long thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const long rank = block * blockDim.x * blockDim.y * blockDim.z + thread;
  atomicAdd(&visits[rank], 1);
  blocks[rank] = blockIdx;
  threads[rank] = threadIdx;
}

void indices(const dim3& grid, const dim3& block) {
  const std::size_t threads_per_block = std::size_t(block.x) * block.y * block.z;
  const std::size_t size = threads_per_block * grid.x * grid.y * grid.z;
  std::vector<int> visits(size);
  std::vector<uint3> blocks(size), threads(size);
  launch(indices_kernel, {grid, block}, visits.data(), blocks.data(), threads.data());
  for (std::size_t rank = 0; rank < size; ++rank) {
    const std::size_t b = rank / threads_per_block, t = rank % threads_per_block;
    CHECK_EQUAL(visits[rank], 1);
    CHECK(blocks[rank].x == b % grid.x && blocks[rank].y == b / grid.x % grid.y &&
          blocks[rank].z == b / grid.x / grid.y);
    CHECK(threads[rank].x == t % block.x && threads[rank].y == t / block.x % block.y &&
          threads[rank].z == t / block.x / block.y);
  }
}

// Block b -> sums[b] of its threads' ranks in the grid. Static and dynamic shared memory.
__global__ void sum_kernel(long* sums) {
  __shared__ long part[kLargestSum];
  long* twice = dynamic_shared<long>();
  const unsigned i = threadIdx.x;
  part[i] = blockIdx.x * long(blockDim.x) + i;
  __syncthreads();
  twice[i] = part[i] + part[blockDim.x - 1 - i];
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (i < half)
      twice[i] += twice[i + half];
  }
  if (i == 0)
    sums[blockIdx.x] = twice[0] / 2;
}

void barriers() {
  for (const Order order : {Order::kForward, Order::kBackward, Order::kShuffled}) {
    emulation::set_order(order, 5);
    for (const unsigned threads : {1u, 32u, kLargestSum}) {
      std::vector<long> sums(3);
      launch(sum_kernel, {3, threads, threads * sizeof(long)}, sums.data());
      for (long b = 0; b < 3; ++b)
        CHECK_EQUAL(sums[b], threads * (b * threads) + threads * (threads - 1L) / 2);
    }
  }
  emulation::set_order(Order::kForward);
}

__global__ void fresh_shared_kernel(int* poisoned, std::size_t floats) {
  float* values = dynamic_shared<float>();
  for (std::size_t i = 0; i < floats; ++i)
    poisoned[blockIdx.x] += std::isnan(values[i]) ? 1 : 0;
  poisoned[blockIdx.x] += reinterpret_cast<std::uintptr_t>(values) % 128 == 0 ? 1000 : 0;
  for (std::size_t i = 0; i < floats; ++i)
    values[i] = 0;
}

void fresh_shared_memory() {
  std::vector<int> poisoned(2);
  launch(fresh_shared_kernel, {2, 1, 40}, poisoned.data(), std::size_t(10));
  CHECK_EQUAL(poisoned[0], 1010);
  CHECK_EQUAL(poisoned[1], 1010);
}

template <class T>
__global__ void shuffles_kernel(T* out) {  // [threads, 8]
  const int lane = threadIdx.x % 32;
  const T mine = static_cast<T>(100 + lane) / 4;
  out += threadIdx.x * 8;
  out[0] = __shfl_sync(kAll, mine, 7);
  out[1] = __shfl_sync(kAll, mine, 33 + lane, 8);
  out[2] = __shfl_xor_sync(kAll, mine, 5);
  out[3] = __shfl_down_sync(kAll, mine, 3);
  out[4] = __shfl_down_sync(kAll, mine, 3, 16);
  // Halves of the warp by themselves, one of them more often, with other values each time; then
  // together again.
  const unsigned half = lane < 16 ? 0x0000ffff : 0xffff0000;
  out[5] = __shfl_xor_sync(half, mine + 1000, 1);
  if (lane < 16)
    out[5] += __shfl_xor_sync(half, mine + 2000, 2) - __shfl_sync(half, mine + 3000, lane ^ 3);
  out[6] = __shfl_up_sync(kAll, mine, 2, 8);
  out[7] = __shfl_xor_sync(kAll, mine, 31);
}

template <class T>
void shuffles() {
  std::vector<T> out(64 * 8);
  launch(shuffles_kernel<T>, {1, 64}, out.data());
  const auto given = [](int lane) { return static_cast<T>(100 + lane) / 4; };
  for (int thread = 0; thread < 64; ++thread) {
    const int lane = thread % 32;
    const T* got = &out[thread * 8];
    CHECK_EQUAL(got[0], given(7));
    CHECK_EQUAL(got[1], given(lane / 8 * 8 + (1 + lane) % 8));
    CHECK_EQUAL(got[2], given(lane ^ 5));
    CHECK_EQUAL(got[3], given(lane + 3 < 32 ? lane + 3 : lane));
    CHECK_EQUAL(got[4], given(lane % 16 + 3 < 16 ? lane + 3 : lane));
    CHECK_EQUAL(got[5], given(lane ^ 1) + 1000 +
                            (lane < 16 ? given(lane ^ 2) - given(lane ^ 3) - 1000 : 0));
    CHECK_EQUAL(got[6], given(lane % 8 >= 2 ? lane - 2 : lane));
    CHECK_EQUAL(got[7], given(lane ^ 31));
  }
}

__global__ void votes_kernel(unsigned* out) {  // [threads, 4]
  const unsigned lane = threadIdx.x % 32;
  out += threadIdx.x * 4;
  out[0] = __ballot_sync(kAll, lane % 3 == 0);
  out[1] = __any_sync(kAll, lane == 9) + 2 * __any_sync(kAll, lane == 99);
  out[2] = __all_sync(kAll, lane < 99) + 2 * __all_sync(kAll, lane < 9);
  out[3] = 0;
  if (lane < 8)
    out[3] = __ballot_sync(0xff, lane % 2);
  __syncwarp();
}

void votes() {
  std::vector<unsigned> out(48 * 4);  // one and a half warps
  launch(votes_kernel, {1, 48}, out.data());
  for (unsigned thread = 0; thread < 48; ++thread) {
    CHECK_EQUAL(out[thread * 4], thread < 32 ? 0x49249249u : 0x00009249u);
    CHECK_EQUAL(out[thread * 4 + 1], 1u);
    CHECK_EQUAL(out[thread * 4 + 2], 1u);
    CHECK_EQUAL(out[thread * 4 + 3], thread % 32 < 8 ? 0xaau : 0u);
  }
}

template <class T>
__global__ void add_kernel(T* sum, T* before) {
  before[threadIdx.x] = atomicAdd(sum, T(2));
}

template <class T>
void atomic_sums() {
  std::vector<T> before(96);
  T sum = 1;
  launch(add_kernel<T>, {1, 96}, &sum, before.data());
  CHECK_EQUAL(sum, T(193));
  const std::set<T> distinct(before.begin(), before.end());
  CHECK_EQUAL(distinct.size(), before.size());
  CHECK_EQUAL(*distinct.begin(), T(1));
}

template <class T>
__global__ void or_and_max_kernel(T* out) {
  atomicOr(&out[0], T(1) << threadIdx.x % 31);
  atomicMax(&out[1], static_cast<T>(threadIdx.x));
}

template <class T>
void atomic_bits() {
  T out[2] = {0, 0};
  launch(or_and_max_kernel<T>, {2, 64}, out);
  CHECK_EQUAL(out[0], T(0x7fffffff));
  CHECK_EQUAL(out[1], T(63));
}

void single_thread_functions() {
  CHECK_EQUAL(__float_as_int(1.0f), 0x3f800000);
  CHECK_EQUAL(__int_as_float(0x3f800000), 1.0f);
  CHECK_EQUAL(__double_as_longlong(1.0), 0x3ff0000000000000);
  CHECK_EQUAL(__longlong_as_double(0x3ff0000000000000), 1.0);
  CHECK(__double2ll_rn(2.5) == 2 && __double2ll_rn(-3.5) == -4);
  CHECK(__ffs(0) == 0 && __ffs(8) == 4 && __popc(kAll) == 32);
  const int value = 7;
  CHECK_EQUAL(__ldg(&value), 7);
}

// Every thread notes when it came: its place among all.
__global__ void places_kernel(int* next, int* places) {
  for (int round = 0; round < 2; ++round) {
    places[(blockIdx.x * 2 + round) * blockDim.x + threadIdx.x] = atomicAdd(next, 1);
    __syncthreads();
  }
}

std::vector<int> places(Order order, std::uint64_t seed) {
  emulation::set_order(order, seed);
  int next = 0;
  std::vector<int> result(2 * 2 * 80);
  launch(places_kernel, {2, 80}, &next, result.data());
  emulation::set_order(Order::kForward);
  return result;
}

void orders() {
#ifndef FASTNTK_EMULATION_THREADS
  std::vector<int> forward(2 * 2 * 80);
  std::iota(forward.begin(), forward.end(), 0);
  CHECK(places(Order::kForward, 0) == forward);
  const std::vector<int> backward = places(Order::kBackward, 0);
  for (int b = 0; b < 2; ++b)
    for (int i = 0; i < 160; ++i)
      CHECK_EQUAL(backward[b * 160 + i], (1 - b) * 160 + i / 80 * 80 + 79 - i % 80);
  std::set<std::vector<int>> seen{forward, backward};
  for (const int seed : {1, 2, 3}) {
    const std::vector<int> shuffled = places(Order::kShuffled, seed);
    CHECK(seen.insert(shuffled).second);
    CHECK(shuffled == places(Order::kShuffled, seed));
    CHECK(std::set<int>(shuffled.begin(), shuffled.end()).size() == forward.size());
  }
#else
  const std::vector<int> backward = places(Order::kBackward, 0);
  CHECK(backward[0] >= 160 && backward[160] < 80);  // blocks follow the order
#endif
}

void several_callers() {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back(barriers);
  for (std::thread& caller : callers)
    caller.join();
}

}  // namespace

int main() {
  indices({3, 2, 4}, {5, 3, 2});
  indices(2, 1024);
  indices({1, 1, 3}, {2, 2, 64});
  barriers();
  fresh_shared_memory();
  for (const Order order : {Order::kForward, Order::kBackward, Order::kShuffled}) {
    emulation::set_order(order, 3);
    shuffles<int>();
    shuffles<double>();
    votes();
  }
  emulation::set_order(Order::kForward);
  atomic_sums<int>();
  atomic_sums<unsigned>();
  atomic_sums<unsigned long long>();
  atomic_sums<float>();
  atomic_sums<double>();
  atomic_bits<int>();
  atomic_bits<unsigned>();
  atomic_bits<unsigned long long>();
  single_thread_functions();
  orders();
  several_callers();
  return test::summary();
}
