// SPDX-License-Identifier: Apache-2.0
#include "cpu/thread_team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif

namespace fastntk::cpu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPollInterval = std::chrono::milliseconds(100);
constexpr int kLooks = 20000;  // about 20 microseconds

// One call's shared state. Rounds are separated by a barrier that a failure opens for good.
class Team {
public:
  Team(const std::vector<long>& counts, const Poll& poll,
       const std::function<void(int, long, long)>& body)
      : counts_(counts), next_(counts.size()), poll_(poll), body_(body) {
    for (const long count : counts)
      total_ += count;
  }

  void run(int threads) {
    std::vector<std::thread> helpers;
    helpers.reserve(threads > 1 ? threads - 1 : 0);
    try {
      for (int worker = 1; worker < threads; ++worker) {
        helpers.emplace_back([this, worker] {
          wait_for_start();
          work(worker);
        });
      }
    } catch (...) {
      // The system has no more threads, or no memory for them: go on with those that there are.
    }
    start(static_cast<int>(helpers.size()) + 1);
    work(0);
    for (std::thread& helper : helpers)
      helper.join();
    if (failure_)
      std::rethrow_exception(failure_);
    if (poll_)
      poll_(total_, total_);
  }

private:
  void start(int members) {
    const std::lock_guard<std::mutex> lock(mutex_);
    members_ = members;
    condition_.notify_all();
  }

  void wait_for_start() {
    std::unique_lock<std::mutex> lock(mutex_);
    condition_.wait(lock, [this] { return members_ > 0; });
  }

  void work(int worker) {
    try {
      auto last_poll = Clock::now();
      for (std::size_t round = 0; round < counts_.size(); ++round) {
        for (;;) {
          if (failed_.load(std::memory_order_relaxed))
            return;
          const long index = next_[round].fetch_add(1, std::memory_order_relaxed);
          if (index >= counts_[round])
            break;
          body_(worker, static_cast<long>(round), index);
          const long done = done_.fetch_add(1, std::memory_order_relaxed) + 1;
          if (worker == 0 && poll_ && Clock::now() - last_poll > kPollInterval) {
            poll_(done, total_);
            last_poll = Clock::now();
          }
        }
        if (round + 1 < counts_.size())
          arrive_and_wait();
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_)
        failure_ = std::current_exception();
      failed_ = true;
      condition_.notify_all();
    }
  }

  // Rounds are short: a worker that is early looks again for a while before it sleeps.
  void arrive_and_wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const long generation = generation_.load();
    if (++arrived_ == members_) {
      arrived_ = 0;
      ++generation_;
      condition_.notify_all();
      return;
    }
    lock.unlock();
    for (int look = 0; look < kLooks; ++look) {
      if (generation_.load(std::memory_order_acquire) != generation || failed_)
        return;
    }
    lock.lock();
    condition_.wait(lock, [&] { return generation_ != generation || failed_; });
  }

  const std::vector<long>& counts_;
  std::vector<std::atomic<long>> next_;
  const Poll& poll_;
  const std::function<void(int, long, long)>& body_;
  long total_ = 0;
  std::atomic<long> done_{0};
  std::atomic<bool> failed_{false};

  std::mutex mutex_;
  std::condition_variable condition_;
  int members_ = 0;
  int arrived_ = 0;
  std::atomic<long> generation_{0};
  std::exception_ptr failure_;
};

int usable_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

std::atomic<int> workers_in_use{0};

// The workers of a call that was running at a fork are not in the child.
[[maybe_unused]] const int forget_workers_of_parent =
    pthread_atfork(nullptr, nullptr, [] { workers_in_use = 0; });

}  // namespace

void run_rounds(const std::vector<long>& counts, int threads, const Poll& poll,
                const std::function<void(int, long, long)>& body) {
  const long widest = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  Team(counts, poll, body).run(static_cast<int>(std::min<long>(threads, std::max(1L, widest))));
}

int default_threads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);  // "4" or the first level of "4,2"
    if (end != text && value > 0)
      return static_cast<int>(std::min(value, 1024L));
  }
  return usable_processors();
}

ThreadLease::ThreadLease(int requested, long tasks) {
  const int wanted = requested > 0 ? requested : default_threads() - workers_in_use.load();
  threads_ = static_cast<int>(std::clamp<long>(wanted, 1, std::max(1L, tasks)));
  workers_in_use += threads_;
}

ThreadLease::~ThreadLease() { workers_in_use -= threads_; }

}  // namespace fastntk::cpu
