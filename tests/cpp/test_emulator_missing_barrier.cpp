// SPDX-License-Identifier: Apache-2.0
// The tests of kernels can fail: a kernel that lacks a barrier gives different results in different
// orders of its threads, and ThreadSanitizer reports a data race when they are real threads.
//
//   test_emulator_missing_barrier            the proper kernel; with fibers, all of them in all orders
//   test_emulator_missing_barrier NUMBER     the kernel that lacks barrier NUMBER, for ThreadSanitizer
#include <cstdlib>
#include <set>
#include <vector>

#include "check.h"
#include "cuda/device.h"

namespace {

using namespace fastntk::cuda;
using emulation::Order;

constexpr int kRows = 2;
constexpr int kColumns = 64;
constexpr int kBarriers = 3;

// One block -> the sum of each row. Without barrier 0 a sum takes in what is not written yet,
// without 1 what is not added up yet, without 2 what belongs to the next row.
template <int kMissing>
__global__ void sum_rows_kernel(const int* rows, int* sums) {  // [kRows, kColumns], [kRows]
  __shared__ int parts[kColumns];
  const unsigned i = threadIdx.x;
  for (int row = 0; row < kRows; ++row) {
    parts[i] = rows[row * kColumns + i];
    if constexpr (kMissing != 0)
      __syncthreads();
    for (unsigned half = kColumns / 2; half > 0; half /= 2) {
      if (i < half)
        parts[i] += parts[i + half];
      if constexpr (kMissing != 1)
        __syncthreads();
    }
    if (i == 0)
      sums[row] = parts[0] + parts[kColumns - 1];
    if constexpr (kMissing != 2)
      __syncthreads();
  }
}

template <int kMissing>
std::vector<int> sums() {
  std::vector<int> rows, sums(kRows);
  for (int i = 0; i < kRows * kColumns; ++i)
    rows.push_back(i * i % 101);
  launch(sum_rows_kernel<kMissing>, {1, kColumns}, rows.data(), sums.data());
  return sums;
}

std::vector<int> expected_sums() {
  std::vector<int> sums;
  for (int row = 0; row < kRows; ++row) {
    int sum = 0, value = 0;
    for (int i = row * kColumns; i < (row + 1) * kColumns; ++i) {
      value = i * i % 101;
      sum += value;
    }
    sums.push_back(sum + value);
  }
  return sums;
}

// How many different results the orders give.
template <int kMissing>
std::size_t results() {
  std::set<std::vector<int>> seen;
  for (const Order order : {Order::kForward, Order::kBackward, Order::kShuffled}) {
    emulation::set_order(order, 1);
    seen.insert(sums<kMissing>());
  }
  emulation::set_order(Order::kForward);
  return seen.size();
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) {
    constexpr std::vector<int> (*kPlanted[kBarriers])() = {sums<0>, sums<1>, sums<2>};
    kPlanted[std::atoi(arguments[1]) % kBarriers]();
    return 0;
  }
  constexpr int kNone = kBarriers;
  CHECK_EQUAL(results<kNone>(), 1u);
  CHECK(sums<kNone>() == expected_sums());
#ifndef FASTNTK_EMULATION_THREADS
  CHECK(results<0>() > 1);
  CHECK(results<1>() > 1);
  CHECK(results<2>() > 1);
#endif
  return test::summary();
}
