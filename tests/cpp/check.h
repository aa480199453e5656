// SPDX-License-Identifier: Apache-2.0
// Checks that print where they stand and what they saw, count, and go on: an executable returns
// test::summary(). They may stand in tasks of other threads.
#pragma once

#include <atomic>
#include <iostream>
#include <mutex>
#include <sstream>

namespace test {

constexpr long kShownFailures = 20;

inline std::atomic<long> checks{0};
inline std::atomic<long> failures{0};

template <class... Parts>
void fail(const char* file, int line, const Parts&... parts) {
  if (++failures > kShownFailures)
    return;
  std::ostringstream text;
  text.precision(17);
  text << file << ':' << line << ": ";
  (text << ... << parts) << '\n';
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  std::cerr << text.str();
}

template <class A, class B>
void check_equal(const char* file, int line, const char* name, const A& actual, const B& expected) {
  ++checks;
  if (!(actual == expected))
    fail(file, line, name, " is ", actual, ", expected ", expected);
}

// False for a NaN. what: anything that can be printed and says which case this is.
template <class A, class B, class What>
void check_at_most(const char* file, int line, const char* name, const A& actual, const B& bound,
                   const What& what) {
  ++checks;
  if (!(actual <= bound))
    fail(file, line, name, " is ", actual, ", at most ", bound, " expected: ", what);
}

inline int summary() {
  std::cerr << checks << " checks, " << failures << " failures\n";
  return failures == 0 && checks > 0 ? 0 : 1;
}

}  // namespace test

#define CHECK(condition) ::test::check_equal(__FILE__, __LINE__, #condition, !!(condition), true)
#define CHECK_EQUAL(actual, expected)                                                              \
  ::test::check_equal(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_AT_MOST(actual, bound, what)                                                         \
  ::test::check_at_most(__FILE__, __LINE__, #actual, (actual), (bound), (what))
#define CHECK_THROWS(Exception, ...)                                                               \
  do {                                                                                             \
    bool thrown = false;                                                                           \
    try {                                                                                          \
      __VA_ARGS__;                                                                                 \
    } catch (const Exception&) {                                                                   \
      thrown = true;                                                                               \
    }                                                                                              \
    ::test::check_equal(__FILE__, __LINE__, #Exception " thrown by " #__VA_ARGS__, thrown, true);  \
  } while (false)
