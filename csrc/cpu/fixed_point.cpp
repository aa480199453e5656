// SPDX-License-Identifier: Apache-2.0
#include "cpu/fixed_point.h"

#include <algorithm>
#include <atomic>

#include "cpu/row_scale.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// The largest |e| / |x| of a row x that is rounded to x + e. A cosine is off by no more, and by far
// less where roundings are of random sign. Normal numbers, 60,000 rows of 784, come to 4e-7; sixteen
// pixels in a thousand zeros to 1e-7; a thousand ones beside a number of 1e7 to 3e-6.
constexpr double kLargestError = 5e-7;

bool row_serves(const float* row, long columns) {
  constexpr double kRounding = 6755399441055744;  // 1.5 * 2^52: adding it leaves no fraction
  constexpr long kLanes = 8;
  const double factor = std::ldexp(1 / fixed_point_scale(largest_magnitude(row, columns)), 22);
  double errors[kLanes] = {}, squares[kLanes] = {};
  const auto add = [&](long lane, double value) {
    const double exact = value * factor;
    const double error = exact - ((exact + kRounding) - kRounding);
    errors[lane] += error * error;
    squares[lane] += exact * exact;
  };
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long lane = 0; lane < kLanes; ++lane)
      add(lane, row[k + lane]);
  }
  for (; k < columns; ++k)
    add(0, row[k]);
  double error = 0, square = 0;
  for (long lane = 0; lane < kLanes; ++lane) {
    error += errors[lane];
    square += squares[lane];
  }
  return error <= kLargestError * kLargestError * square;
}

}  // namespace

bool fixed_point_serves(const Samples& samples, int threads) {
  const float* data = static_cast<const float*>(samples.data);
  std::atomic<bool> serves{true};
  run_tasks(ceil_div(samples.rows, kTile), threads, nullptr, [&](int, long task) {
    const long end = std::min(samples.rows, (task + 1) * kTile);
    for (long i = task * kTile; i < end && serves; ++i) {
      if (!row_serves(data + i * samples.columns, samples.columns))
        serves = false;
    }
  });
  return serves;
}

}  // namespace fastntk::cpu
