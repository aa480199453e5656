// SPDX-License-Identifier: Apache-2.0
// The order in which blocks run, and a block's threads between two barriers. A kernel's result that
// depends on it lacks a barrier (or adds floating-point numbers atomically).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace fastntk::cuda::emulation {

enum class Order { kForward, kBackward, kShuffled };

inline std::atomic<Order> chosen_order{Order::kForward};
inline std::atomic<std::uint64_t> chosen_seed{0};

// For the launches from now on, of every thread. With one OS thread per CUDA thread only the order
// of blocks follows it.
inline void set_order(Order order, std::uint64_t seed = 0) {
  chosen_order = order;
  chosen_seed = seed;
}

// Numbers 0 .. size - 1 in the chosen order, each once.
class Sequence {
public:
  Sequence(std::uint64_t size, Order order, std::uint64_t& random) : size_(size) {
    if (order == Order::kBackward)
      first_ = step_ = size - 1;
    if (order != Order::kShuffled || size < 2)
      return;
    first_ = draw(random) % size;
    do
      step_ = draw(random) % size;
    while (std::gcd(step_, size) != 1);
  }

  // To be called `size` times.
  std::uint64_t next() {
    const std::uint64_t at = first_;
    first_ += step_;
    if (first_ >= size_)
      first_ -= size_;
    return at;
  }

private:
  // splitmix64
  static std::uint64_t draw(std::uint64_t& random) {
    std::uint64_t z = random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t size_;
  std::uint64_t first_ = 0;  // of those still to come
  std::uint64_t step_ = 1;
};

}  // namespace fastntk::cuda::emulation
