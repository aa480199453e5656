// SPDX-License-Identifier: Apache-2.0
#include "cpu/fixed_point.h"

#include <algorithm>
#include <atomic>

#include "common/fixed_point.h"
#include "cpu/row_scale.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

bool row_serves(const float* row, long columns) {
  constexpr long kLanes = 16;
  const float factor =
      static_cast<float>(fixed_point_factor(fixed_point_scale(largest_magnitude(row, columns))));
  float sums[kLanes] = {}, errors[kLanes] = {}, thirds[kLanes] = {}, squares[kLanes] = {};
  const auto add = [&](long lane, float value) {
    const FixedPointLoss<float> loss = fixed_point_loss(value * factor);
    sums[lane] += loss.error;
    errors[lane] += loss.error_square;
    thirds[lane] += loss.third_square;
    squares[lane] += loss.square;
  };
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long lane = 0; lane < kLanes; ++lane)
      add(lane, row[k + lane]);
  }
  for (; k < columns; ++k)
    add(0, row[k]);
  FixedPointLoss<double> all{};
  for (long lane = 0; lane < kLanes; ++lane) {
    all.error += sums[lane];
    all.error_square += errors[lane];
    all.third_square += thirds[lane];
    all.square += squares[lane];
  }
  return fastntk::fixed_point_serves(all, columns);
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
