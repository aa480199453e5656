// SPDX-License-Identifier: Apache-2.0
// The emulated GPU as tests use it: memory, a context, and every order of threads.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "cuda/context.h"

namespace test {

// Memory that reads as NaN, or as -1, until something is written.
inline fastntk::cuda::Context gpu() {
  return {0, nullptr, [](std::size_t bytes) {
            constexpr std::size_t kAlignment = 256;
            void* memory =
                std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
            std::memset(memory, 0xff, bytes);
            return std::shared_ptr<void>(memory, std::free);
          }};
}

// Calls f() with the threads of a block in every kind of order, then goes back to the first.
template <class F>
void in_every_order(F f) {
  using namespace fastntk::cuda::emulation;
  for (const auto& [order, seed] : {std::pair<Order, std::uint64_t>{Order::kBackward, 0},
                                    {Order::kShuffled, 1},
                                    {Order::kForward, 0}}) {
    set_order(order, seed);
    f();
  }
}

}  // namespace test
