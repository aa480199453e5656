// SPDX-License-Identifier: Apache-2.0
// The largest magnitude of a row, of which common/row_scale.h makes its scale.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/row_scale.h"

namespace fastntk::cpu {

// What a vector instruction does, unlike std::max.
inline double larger(double a, double b) { return a > b ? a : b; }

// Magnitudes are ordered as their bits are.
inline double largest_magnitude(const float* row, long columns) {
  std::int32_t largest = 0;
  for (long k = 0; k < columns; ++k) {
    std::int32_t bits;
    std::memcpy(&bits, row + k, sizeof bits);
    largest = std::max(largest, bits & 0x7fffffff);
  }
  float magnitude;
  std::memcpy(&magnitude, &largest, sizeof magnitude);
  return magnitude;
}

inline double largest_magnitude(const double* row, long columns) {
  constexpr long kLanes = 8;
  double lanes[kLanes] = {};
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long c = 0; c < kLanes; ++c)
      lanes[c] = larger(lanes[c], std::abs(row[k + c]));
  }
  for (; k < columns; ++k)
    lanes[0] = larger(lanes[0], std::abs(row[k]));
  return *std::max_element(lanes, lanes + kLanes);
}

}  // namespace fastntk::cpu
