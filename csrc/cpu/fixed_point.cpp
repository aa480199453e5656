// SPDX-License-Identifier: Apache-2.0
#include "cpu/fixed_point.h"

#include <algorithm>
#include <atomic>

#include "cpu/row_scale.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// A row x is rounded to x + e, which moves its cosine with a row y by e.y / (|x| |y|). That is little
// where e has no pattern, at most 7e-8 in the mean square; where many numbers are alike, so are their
// roundings, and a constant y meets them all. A thousand ones beside 1e7 move it by 3e-6.
constexpr double kLargestCommon = 2e-7;  // of |sum of e| / (sqrt(columns) |x|)
constexpr double kLargestError = 2e-6;   // of |e| / |x|, which no y exceeds
// The products of third digits are left out: of two rows they move the cosine by at most the product
// of these, the square. Rows without a pattern have 5e-9 of it.
constexpr double kLargestThird = 2e-4;  // of |third digits| / |x|

// The nearest integer of 0 <= x < 2^23, ties to even: no float beyond has a fraction.
float nearest(float x) {
  constexpr float kNoFraction = 8388608;
  return (x + kNoFraction) - kNoFraction;
}

bool row_serves(const float* row, long columns) {
  constexpr long kLanes = 16;
  const float factor =
      static_cast<float>(std::ldexp(1 / fixed_point_scale(largest_magnitude(row, columns)), 22));
  float sums[kLanes] = {}, errors[kLanes] = {}, thirds[kLanes] = {}, squares[kLanes] = {};
  const auto add = [&](long lane, float value) {
    const float exact = value * factor, size = std::abs(exact);
    const float integer = nearest(size);
    const float error = size - integer;
    const float third = integer - 256 * nearest(integer / 256);
    sums[lane] += std::copysign(error, exact * error);
    errors[lane] += error * error;
    thirds[lane] += third * third;
    squares[lane] += exact * exact;
  };
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long lane = 0; lane < kLanes; ++lane)
      add(lane, row[k + lane]);
  }
  for (; k < columns; ++k)
    add(0, row[k]);
  double sum = 0, error = 0, third = 0, square = 0;
  for (long lane = 0; lane < kLanes; ++lane) {
    sum += sums[lane];
    error += errors[lane];
    third += thirds[lane];
    square += squares[lane];
  }
  // False for rows so small that the factor overflows.
  return sum * sum <= kLargestCommon * kLargestCommon * static_cast<double>(columns) * square &&
         error <= kLargestError * kLargestError * square &&
         third <= kLargestThird * kLargestThird * square;
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
