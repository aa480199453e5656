// SPDX-License-Identifier: Apache-2.0
// How a CUDA thread is told from the others and sleeps: as a fiber, or as a thread of its own.
#pragma once

#include "cuda/emulation/types.h"

#ifdef FASTNTK_EMULATION_THREADS
#include <condition_variable>
#endif
#include <mutex>

namespace fastntk::cuda::emulation {

struct Thread;

// The CUDA thread that runs.
inline thread_local Thread* current = nullptr;

#ifdef FASTNTK_EMULATION_THREADS

using Mutex = std::mutex;
using Lock = std::unique_lock<Mutex>;

// Where one thread sleeps. Nobody but who wakes it comes here, so that a thread that wakes late is
// not ordered after what others have done meanwhile, and ThreadSanitizer still sees their races.
class Bed {
public:
  void lie_down() {
    const Lock lock(mutex_);
    awake_ = false;
  }
  void wake() {
    const Lock lock(mutex_);
    awake_ = true;
    woken_.notify_one();
  }
  // Until woken since lie_down().
  void sleep() {
    Lock lock(mutex_);
    woken_.wait(lock, [&] { return awake_; });
  }

private:
  Mutex mutex_;
  std::condition_variable woken_;
  bool awake_ = true;
};

// After a barrier's last arrival: the others were woken already.
inline void yield_to_others() {}

#else

struct Mutex {
  void lock() {}
  void unlock() {}
};
using Lock = std::unique_lock<Mutex>;

void yield_to_others();

class Bed {
public:
  void lie_down() { awake_ = false; }
  void wake() { awake_ = true; }
  void sleep() {
    while (!awake_)
      yield_to_others();
  }
  bool awake() const { return awake_; }

private:
  bool awake_ = true;
};

#endif

}  // namespace fastntk::cuda::emulation
