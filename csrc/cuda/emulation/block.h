// SPDX-License-Identifier: Apache-2.0
// A block's threads and what they wait for. How a thread waits and is woken is left to
// fiber_runner.h and thread_runner.h; with fibers the mutexes do nothing.
//
// A mutex belongs to one barrier, and the rest is relaxed atomics: so ThreadSanitizer sees hardly
// more order between threads than the kernel's own barriers make (lanes that wait for different
// parts of a warp are ordered by its mutex).
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <vector>

#include "cuda/emulation/async_copies.h"
#include "cuda/emulation/site.h"
#include "cuda/emulation/waiting.h"

namespace fastntk::cuda::emulation {

constexpr unsigned kWarpLanes = 32;
constexpr unsigned kAllLanes = 0xffffffff;
constexpr std::size_t kOperandBytes = 64;

class Block;
struct Warp;

struct Thread {
  uint3 index{};
  unsigned lane = 0;
  Warp* warp = nullptr;
  Block* block = nullptr;
  AsyncCopies copies;
  unsigned exchanges = 0;  // of whole warps, so far
  bool finished = false;   // for the runner

  Bed bed;

  // Guarded by the mutex of the place waited at, a warp or the block.
  unsigned mask = 0;  // lanes of the warp that are waited for
  Site site;
};

struct Warp {
  Mutex mutex;
  unsigned present = 0;  // lanes that the block has
  unsigned waiting = 0;
  unsigned left = 0;  // lanes whose thread has returned from the kernel
  Thread* lanes[kWarpLanes] = {};
  // Operands of warp-wide operations; exchange.h says why there are three.
  alignas(16) unsigned char operands[3][kWarpLanes][kOperandBytes];
};

// Thrown into the threads of a block in which another one failed.
struct Cancelled {};

std::ostream& operator<<(std::ostream& out, const Thread& thread);

class Block {
public:
  Block(const dim3& grid, const dim3& shape, std::size_t shared_bytes)
      : grid(grid), shape(shape), threads(std::size_t(shape.x) * shape.y * shape.z),
        warps((threads.size() + kWarpLanes - 1) / kWarpLanes), shared_bytes_(shared_bytes),
        shared_(::operator new(shared_bytes, kSharedAlignment)) {
    for (std::size_t rank = 0; rank < threads.size(); ++rank) {
      Thread& thread = threads[rank];
      const unsigned r = static_cast<unsigned>(rank);
      thread.index = {r % shape.x, r / shape.x % shape.y, r / shape.x / shape.y};
      thread.lane = r % kWarpLanes;
      thread.warp = &warps[rank / kWarpLanes];
      thread.block = this;
      thread.warp->present |= 1u << thread.lane;
      thread.warp->lanes[thread.lane] = &thread;
    }
  }
  ~Block() { ::operator delete(shared_, kSharedAlignment); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // From here on this is the block at `at`, and none of its threads has started.
  void begin(const uint3& at) {
    index = at;
    std::memset(shared_, kPoison, shared_bytes_);
    arrived_ = 0;
    left_ = 0;
    running_.store(static_cast<int>(threads.size()), std::memory_order_relaxed);
    for (Warp& warp : warps)
      warp.waiting = warp.left = 0;
    for (Thread& thread : threads) {
      thread.bed.wake();
      thread.finished = false;
      thread.exchanges = 0;
      thread.copies.clear();
    }
  }

  void* shared() const { return shared_; }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  const std::exception_ptr& failure() const { return failure_; }
  // Barriers of the whole block so far.
  unsigned long barriers() const { return barriers_; }

  // One thread's whole life. body: the kernel with its arguments.
  template <class Body>
  void run(Thread& self, const Body& body) {
    if (cancelled())
      return;
    try {
      body();
      leave(self);
    } catch (const Cancelled&) {
    } catch (...) {
      cancel(std::current_exception());
    }
  }

  void wait_for_block(Thread& self, const Site& site);
  void wait_for_warp(Thread& self, unsigned mask, const Site& site);

  dim3 grid, shape;
  uint3 index{};
  std::vector<Thread> threads;
  std::vector<Warp> warps;

private:
  static constexpr std::align_val_t kSharedAlignment{128};

  void leave(Thread& self);
  void cancel(const std::exception_ptr& failure);
  void sleep(Thread& self, Lock& lock);
  void report_deadlock();

  std::size_t shared_bytes_;
  void* shared_;

  Mutex mutex_;  // of the block's barrier
  std::size_t arrived_ = 0;
  std::size_t left_ = 0;
  Thread* first_ = nullptr;  // to arrive
  unsigned long barriers_ = 0;

  std::atomic<int> running_{0};  // threads that neither wait nor have left
  std::atomic<bool> cancelled_{false};
  Mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace fastntk::cuda::emulation
