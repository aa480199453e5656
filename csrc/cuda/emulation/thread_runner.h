// SPDX-License-Identifier: Apache-2.0
// Runs a block's threads as threads of the operating system, one each, which stay for all blocks of
// a launch. Slow; for ThreadSanitizer, which sees a missing barrier as a data race.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "cuda/emulation/barriers.h"
#include "cuda/emulation/order.h"

namespace fastntk::cuda::emulation {

using Body = std::function<void()>;

class Gate {
public:
  explicit Gate(std::size_t threads) : threads_(threads) {}

  // Returns when all threads have come.
  void pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    const unsigned long round = round_;
    if (++come_ == threads_) {
      come_ = 0;
      ++round_;
      opened_.notify_all();
    } else {
      opened_.wait(lock, [&] { return round != round_; });
    }
  }

private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::size_t threads_;
  std::size_t come_ = 0;
  unsigned long round_ = 0;
};

class ThreadRunner {
public:
  ThreadRunner(Block& block, const Body& body, Order, std::uint64_t)
      : only_one_(one_launch()), start_(block.threads.size() + 1),
        finish_(block.threads.size() + 1) {
    for (Thread& thread : block.threads)
      team_.emplace_back([this, &thread, &body] {
        current = &thread;
        for (start_.pass(); !done_; start_.pass()) {
          thread.block->run(thread, body);
          finish_.pass();
        }
      });
  }
  ~ThreadRunner() {
    done_ = true;
    start_.pass();
    for (std::thread& thread : team_)
      thread.join();
  }

  void run_block() {
    start_.pass();
    finish_.pass();
  }

private:
  // __shared__ variables are static: one block at a time.
  static std::mutex& one_launch() {
    static std::mutex mutex;
    return mutex;
  }

  std::lock_guard<std::mutex> only_one_;
  Gate start_, finish_;  // two: who starts late is not ordered after who finishes early
  bool done_ = false;    // guarded by the gates
  std::vector<std::thread> team_;
};

}  // namespace fastntk::cuda::emulation
