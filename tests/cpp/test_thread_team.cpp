// SPDX-License-Identifier: Apache-2.0
// Tasks run once each, rounds in order, failures reach the caller, and leases share the machine.
// Data of different rounds are plain memory: ThreadSanitizer proves that rounds follow one another.
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "check.h"
#include "cpu/thread_team.h"

namespace {

using namespace fastntk::cpu;

void every_task_once() {
  for (const int threads : {1, 2, 3, 8}) {
    for (const long count : {0L, 1L, 2L, 5L, 1000L}) {
      std::vector<int> runs(count, 0);
      std::atomic<int> highest{0};
      run_tasks(count, threads, nullptr, [&](int worker, long task) {
        ++runs[task];
        if (worker > highest)
          highest = worker;
      });
      CHECK(runs == std::vector<int>(count, 1));
      CHECK_AT_MOST(highest.load(), threads - 1, "worker");
    }
  }
  run_rounds({}, 3, nullptr, [](int, long, long) { CHECK(false); });
  run_rounds({0, 0}, 3, nullptr, [](int, long, long) { CHECK(false); });
}

// Every round reads all of what the one before wrote.
void many_short_rounds() {
  constexpr long kRounds = 3000, kWidth = 3;
  for (const int threads : {1, 2, 3}) {
    std::vector<long> cells[2] = {std::vector<long>(kWidth, 1), std::vector<long>(kWidth, 0)};
    run_rounds(std::vector<long>(kRounds, kWidth), threads, nullptr,
               [&](int, long round, long index) {
                 const std::vector<long>& before = cells[round % 2];
                 long sum = index;
                 for (const long value : before)
                   sum += value;
                 cells[(round + 1) % 2][index] = sum % 1000003;
               });
    std::vector<long> expected(kWidth, 1);
    for (long round = 0; round < kRounds; ++round) {
      long sum = 0;
      for (const long value : expected)
        sum += value;
      for (long index = 0; index < kWidth; ++index)
        expected[index] = (sum + index) % 1000003;
    }
    CHECK(cells[kRounds % 2] == expected);
  }
}

void rounds_of_different_sizes() {
  std::vector<long> counts;
  for (long round = 0; round < 200; ++round)
    counts.push_back(round % 7);
  std::atomic<long> done{0};
  long expected = 0;
  for (const long count : counts)
    expected += count;
  run_rounds(counts, 3, nullptr, [&](int, long round, long index) {
    CHECK(index < counts[round]);
    ++done;
  });
  CHECK_EQUAL(done.load(), expected);
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

void exceptions_of_tasks() {
  for (const int threads : {1, 2, 3}) {
    // Whichever worker meets it, and wherever the others are.
    for (long bad = 0; bad < 60; ++bad) {
      std::atomic<long> later{0};
      const std::string message = message_of([&] {
        run_rounds({20, 20, 20, 20}, threads, nullptr, [&](int, long round, long index) {
          if (round * 20 + index == bad)
            throw std::runtime_error("task failed");
          later += round > bad / 20;
        });
      });
      CHECK_EQUAL(message, "task failed");
      CHECK_EQUAL(later.load(), 0);  // its round never ends
    }
    // Of several, one arrives.
    CHECK_EQUAL(message_of([&] {
                  run_tasks(50, threads, nullptr,
                            [](int, long) { throw std::runtime_error("one of many"); });
                }),
                "one of many");
  }
}

// Runs 20 tasks of 30 ms, so that a call takes several intervals of 100 ms; returns how many began.
long slow_tasks(int threads, const Poll& poll) {
  std::atomic<long> begun{0};
  run_tasks(20, threads, poll, [&](int, long) {
    ++begun;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  });
  return begun;
}

void polls() {
  for (const int threads : {1, 2}) {
    const auto caller = std::this_thread::get_id();
    long last = 0, calls = 0;
    CHECK_EQUAL(slow_tasks(threads,
                           [&](long done, long total) {
                             CHECK(std::this_thread::get_id() == caller);
                             CHECK_EQUAL(total, 20);
                             CHECK(last <= done && done <= total);
                             last = done;
                             ++calls;
                           }),
                20);
    CHECK_EQUAL(last, 20);
    CHECK(calls >= 2);  // on the way, and at the end
  }
}

void polls_that_throw() {
  for (const int threads : {1, 2, 3}) {
    long polled_at = -1;
    CHECK_EQUAL(message_of([&] {
                  slow_tasks(threads, [&](long done, long) {
                    polled_at = done;
                    throw std::runtime_error("interrupted");
                  });
                }),
                "interrupted");
    CHECK(polled_at < 20);  // before the end
    // At the end, when all tasks are done.
    std::atomic<long> runs{0};
    CHECK_EQUAL(message_of([&] {
                  run_tasks(
                      5, threads, [](long, long) { throw std::runtime_error("at the end"); },
                      [&](int, long) { ++runs; });
                }),
                "at the end");
    CHECK_EQUAL(runs.load(), 5);
  }
}

void default_numbers() {
  setenv("OMP_NUM_THREADS", "7", 1);
  CHECK_EQUAL(default_threads(), 7);
  setenv("OMP_NUM_THREADS", "4,2", 1);
  CHECK_EQUAL(default_threads(), 4);
  setenv("OMP_NUM_THREADS", "100000", 1);
  CHECK_EQUAL(default_threads(), 1024);
  unsetenv("OMP_NUM_THREADS");
  const int processors = default_threads();
  CHECK(processors >= 1);
  for (const char* text : {"", "many", "0", "-3"}) {
    setenv("OMP_NUM_THREADS", text, 1);
    CHECK_EQUAL(default_threads(), processors);
  }
}

void leases() {
  setenv("OMP_NUM_THREADS", "4", 1);
  CHECK_EQUAL(ThreadLease(3, 100).threads(), 3);
  CHECK_EQUAL(ThreadLease(3, 2).threads(), 2);
  CHECK_EQUAL(ThreadLease(3, 0).threads(), 1);
  CHECK_EQUAL(ThreadLease(0, 100).threads(), 4);
  CHECK_EQUAL(ThreadLease(0, 2).threads(), 2);
  {
    const ThreadLease outer(0, 3);
    const ThreadLease inner(0, 100);
    CHECK_EQUAL(outer.threads(), 3);
    CHECK_EQUAL(inner.threads(), 1);
    CHECK_EQUAL(ThreadLease(0, 100).threads(), 1);  // none left, yet the caller works
    CHECK_EQUAL(ThreadLease(2, 100).threads(), 2);  // asked for by name
  }
  CHECK_EQUAL(ThreadLease(0, 100).threads(), 4);
}

// A task may run tasks; threads that are in use are not taken again.
void calls_within_tasks() {
  setenv("OMP_NUM_THREADS", "3", 1);
  std::atomic<long> done{0};
  const ThreadLease outer(0, 8);
  run_tasks(8, outer.threads(), nullptr, [&](int, long) {
    const ThreadLease inner(0, 10);
    CHECK_EQUAL(inner.threads(), 1);
    run_tasks(10, inner.threads(), nullptr, [&](int, long) { ++done; });
    run_tasks(10, 2, nullptr, [&](int, long) { ++done; });
  });
  CHECK_EQUAL(done.load(), 160);
  CHECK_EQUAL(message_of([&] {
                run_tasks(4, 2, nullptr, [](int, long) {
                  run_tasks(4, 2, nullptr,
                            [](int, long) { throw std::runtime_error("from within"); });
                });
              }),
              "from within");
}

// Calls of different threads share nothing but the count of workers.
void calls_side_by_side() {
  setenv("OMP_NUM_THREADS", "2", 1);
  std::vector<long> sums(3, 0);
  std::vector<std::thread> callers;
  for (long c = 0; c < 3; ++c) {
    callers.emplace_back([&sums, c] {
      for (int repeat = 0; repeat < 20; ++repeat) {
        const ThreadLease lease(0, 10);
        std::atomic<long> sum{0};
        run_tasks(10, lease.threads(), nullptr, [&](int, long task) { sum += task; });
        sums[c] += sum;
      }
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  CHECK(sums == std::vector<long>(3, 20 * 45));
  CHECK_EQUAL(ThreadLease(0, 100).threads(), 2);  // all were given back
}

}  // namespace

int main() {
  every_task_once();
  many_short_rounds();
  rounds_of_different_sizes();
  exceptions_of_tasks();
  polls();
  polls_that_throw();
  default_numbers();
  leases();
  calls_within_tasks();
  calls_side_by_side();
  return test::summary();
}
