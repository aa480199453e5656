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
using Signal = std::condition_variable;
using Lock = std::unique_lock<Mutex>;

template <class Awake>
void sleep_until(Lock& lock, Signal& signal, const Awake& awake) {
  signal.wait(lock, awake);
}

// After a barrier's last arrival: the others were woken already.
inline void yield_to_others() {}

#else

struct Mutex {
  void lock() {}
  void unlock() {}
};
struct Signal {
  void notify_all() {}
};
using Lock = std::unique_lock<Mutex>;

void yield_to_others();

template <class Awake>
void sleep_until(Lock&, Signal&, const Awake& awake) {
  do
    yield_to_others();
  while (!awake());
}

#endif

}  // namespace fastntk::cuda::emulation
