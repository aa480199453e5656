// SPDX-License-Identifier: Apache-2.0
// Threads for one call: started, used and joined, so that nothing is left for a fork to break. The
// calling thread is a worker too, and the only one that reports progress and may be interrupted.
#pragma once

#include <functional>
#include <vector>

namespace fastntk::cpu {

// Called on the calling thread, about ten times a second and once at the end; an exception ends the
// call once the running tasks are done.
using Poll = std::function<void(long done, long total)>;

// body(worker, round, index) for every index below counts[round]. Rounds follow one another; the
// tasks of a round may run at once and in any order.
void run_rounds(const std::vector<long>& counts, int threads, const Poll& poll,
                const std::function<void(int, long, long)>& body);

inline void run_tasks(long count, int threads, const Poll& poll,
                      const std::function<void(int, long)>& body) {
  run_rounds({count}, threads, poll, [&](int worker, long, long index) { body(worker, index); });
}

// OMP_NUM_THREADS, else the processors this process may run on.
int default_threads();

// The number of workers of a call that has use for `tasks` of them at once: what was
// asked for, or (0) the default less the workers that other calls of this process use now; at least
// one. Held while the call runs.
class ThreadLease {
public:
  ThreadLease(int requested, long tasks);
  ~ThreadLease();
  ThreadLease(const ThreadLease&) = delete;
  ThreadLease& operator=(const ThreadLease&) = delete;
  int threads() const { return threads_; }

private:
  int threads_;
};

}  // namespace fastntk::cpu
