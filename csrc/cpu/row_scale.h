// SPDX-License-Identifier: Apache-2.0
// The power of two that scales a row before it is multiplied.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

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

// A power of two, so that scaling is exact; its range keeps both it and its inverse finite.
inline double power_below(double largest) {
  return largest > 0 ? std::ldexp(1.0, std::max(std::ilogb(largest), -1022)) : 1.0;
}

// The same for fixed point, see panels.h: three digits of a byte hold up to 127 (2^16 + 2^8 + 1),
// which is 1.99 times 2^22.
inline double fixed_point_scale(double largest) {
  constexpr double kLargestRatio = 1.99;
  const double scale = power_below(largest);
  return largest / scale > kLargestRatio ? 2 * scale : scale;
}

}  // namespace fastntk::cpu
