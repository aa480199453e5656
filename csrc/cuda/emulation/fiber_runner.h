// SPDX-License-Identifier: Apache-2.0
// Runs a block's threads as fibers of the calling thread. Warps take turns, and in a warp its
// lanes, each until it waits: in a fixed order from the first to the last (or back), a warp as far
// as it gets; shuffled, each warp's turn ends when every lane has had one.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/emulation/barriers.h"
#include "cuda/emulation/fiber.h"
#include "cuda/emulation/order.h"

namespace fastntk::cuda::emulation {

using Body = std::function<void()>;

inline void yield_to_others() { Fiber::suspend(); }

class FiberRunner {
public:
  FiberRunner(Block& block, const Body& body, Order order, std::uint64_t seed)
      : block_(block), order_(order), random_(seed) {
    Pool& pool = thread_pool();
    while (pool.fibers.size() < block.threads.size())
      pool.fibers.push_back(std::make_unique<Fiber>(&run_current));
    pool.body = &body;
  }

  void run_block() {
    unfinished_ = block_.threads.size();
    const std::size_t warps = block_.warps.size();
    while (unfinished_ > 0) {
      const unsigned long barriers = block_.barriers();
      Sequence sequence(warps, order_, random_);
      for (std::size_t i = 0; i < warps && barriers == block_.barriers(); ++i) {
        const std::size_t warp = sequence.next();
        while (give_turn(warp) && order_ != Order::kShuffled)
          ;
      }
    }
  }

private:
  struct Pool {
    std::vector<std::unique_ptr<Fiber>> fibers;
    const Body* body = nullptr;
  };
  static Pool& thread_pool() {
    static thread_local Pool pool;
    return pool;
  }

  static void run_current() {
    Thread& self = *current;
    self.block->run(self, *thread_pool().body);
    self.finished = true;
  }

  // True if some lane ran, and all may go on.
  bool give_turn(std::size_t warp) {
    const std::size_t first = warp * kWarpLanes;
    const std::size_t lanes = std::min<std::size_t>(kWarpLanes, block_.threads.size() - first);
    const unsigned long barriers = block_.barriers();
    Sequence sequence(lanes, order_, random_);
    bool ran = false;
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::size_t rank = first + sequence.next();
      Thread& thread = block_.threads[rank];
      if (thread.finished || !thread.bed.awake())
        continue;
      current = &thread;
      thread_pool().fibers[rank]->resume();
      current = nullptr;
      unfinished_ -= thread.finished;
      ran = true;
      if (barriers != block_.barriers())
        return false;
    }
    return ran;
  }

  Block& block_;
  Order order_;
  std::uint64_t random_;
  std::size_t unfinished_ = 0;
};

}  // namespace fastntk::cuda::emulation
