// SPDX-License-Identifier: Apache-2.0
// A block's barriers, and the sentences for kernels that misuse them.
#pragma once

#include "cuda/emulation/block.h"

namespace fastntk::cuda::emulation {

inline std::ostream& operator<<(std::ostream& out, const Thread& thread) {
  out << "thread ";
  print_triple(out, thread.index);
  out << " of block ";
  print_triple(out, thread.block->index);
  return out;
}

// lock: of the place waited at, where `self` is noted already.
inline void Block::sleep(Thread& self, Lock& lock) {
  self.bed.lie_down();
  lock.unlock();
  if (running_.fetch_sub(1, std::memory_order_relaxed) == 1)
    report_deadlock();
  if (!cancelled())
    self.bed.sleep();
  if (cancelled())
    throw Cancelled{};
}

inline void Block::wait_for_block(Thread& self, const Site& site) {
  {
    Lock lock(mutex_);
    if (left_ > 0)
      misuse(self, " waits in ", site, " after other threads have left the kernel");
    if (arrived_ == 0)
      first_ = &self;
    else if (!same(first_->site, site))
      misuse("divergent barrier: ", self, " waits in ", site, ", ", *first_, " in ", first_->site);
    self.site = site;
    if (++arrived_ < threads.size()) {
      sleep(self, lock);
      return;
    }
    arrived_ = 0;
    ++barriers_;
    running_.fetch_add(static_cast<int>(threads.size()) - 1, std::memory_order_relaxed);
    for (Thread& thread : threads)
      thread.bed.wake();
  }
  yield_to_others();
}

inline void Block::wait_for_warp(Thread& self, unsigned mask, const Site& site) {
  Warp& warp = *self.warp;
  const unsigned bit = 1u << self.lane;
  {
    Lock lock(warp.mutex);
    mask &= warp.present;
    if (!(mask & bit))
      misuse(self, " calls ", site, " with a mask that lacks its own lane ", self.lane);
    if (mask & warp.left)
      misuse(self, " waits in ", site, " for ", *warp.lanes[__builtin_ctz(mask & warp.left)],
             ", which has left the kernel");
    unsigned arrived = bit;  // of those who wait for the same lanes
    for (unsigned others = warp.waiting & mask; others != 0; others &= others - 1) {
      const Thread& other = *warp.lanes[__builtin_ctz(others)];
      if (other.mask == mask && same(other.site, site))
        arrived |= others & -others;
      else if (other.mask & bit)
        misuse("divergent warp: ", self, " waits in ", site, ", ", other, " in ", other.site);
    }
    self.site = site;
    self.mask = mask;
    if (arrived != mask) {
      warp.waiting |= bit;
      sleep(self, lock);
      return;
    }
    warp.waiting &= ~mask;
    running_.fetch_add(__builtin_popcount(mask) - 1, std::memory_order_relaxed);
    for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1)
      warp.lanes[__builtin_ctz(lanes)]->bed.wake();
  }
  yield_to_others();
}

inline void Block::leave(Thread& self) {
  if (self.copies.outstanding() > 0)
    misuse(self, " leaves the kernel without waiting for ", self.copies.outstanding(),
           " of its asynchronous copies");
  {
    const Lock lock(mutex_);
    if (arrived_ > 0)
      misuse(self, " leaves the kernel while ", *first_, " waits in ", first_->site);
    ++left_;
  }
  {
    Warp& warp = *self.warp;
    const unsigned bit = 1u << self.lane;
    const Lock lock(warp.mutex);
    for (unsigned others = warp.waiting; others != 0; others &= others - 1) {
      const Thread& other = *warp.lanes[__builtin_ctz(others)];
      if (other.mask & bit)
        misuse(self, " leaves the kernel while ", other, " waits for it in ", other.site);
    }
    warp.left |= bit;
  }
  if (running_.fetch_sub(1, std::memory_order_relaxed) == 1)
    report_deadlock();
}

// Called when no thread runs. Says nothing if all have left.
inline void Block::report_deadlock() {
  std::ostringstream text;
  std::size_t waiting = 0;
  const auto describe = [&](const Thread& thread) {
    if (++waiting <= 2)
      text << (waiting == 1 ? "" : ", ") << thread << " waits in " << thread.site;
  };
  // The first at the block's barrier and the first at a warp's tell the story.
  {
    const Lock lock(mutex_);
    if (arrived_ > 0)
      describe(*first_);
  }
  for (Warp& warp : warps) {
    const Lock lock(warp.mutex);
    if (warp.waiting != 0)
      describe(*warp.lanes[__builtin_ctz(warp.waiting)]);
  }
  if (waiting > 0)
    misuse("deadlock: every thread waits: ", text.str());
}

// Wakes every thread, to leave its kernel by an exception. No lock may be held.
inline void Block::cancel(const std::exception_ptr& failure) {
  {
    const Lock lock(failure_mutex_);
    if (!failure_)
      failure_ = failure;
  }
  cancelled_.store(true, std::memory_order_relaxed);
  for (Thread& thread : threads)
    thread.bed.wake();
}

}  // namespace fastntk::cuda::emulation
