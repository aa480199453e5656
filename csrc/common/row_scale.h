// SPDX-License-Identifier: Apache-2.0
// The power of two that scales a row before it is multiplied.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/macros.h"

namespace fastntk {

// The power of two at or below a normal number: its exponent alone. It is a power so that scaling is
// exact; its range keeps both it and its inverse finite.
FASTNTK_HD double power_below(double largest) {
  constexpr double kSmallest = 2.2250738585072014e-308;  // 2^-1022
  constexpr std::uint64_t kExponent = 0x7ff0000000000000u;
  if (!(largest > 0))
    return 1.0;
  if (largest < kSmallest)
    return kSmallest;
  std::uint64_t bits;
  std::memcpy(&bits, &largest, sizeof bits);
  bits &= kExponent;
  double power;
  std::memcpy(&power, &bits, sizeof power);
  return power;
}

// The same for 24-bit fixed point: three digits of a byte hold up to 127 (2^16 + 2^8 + 1), which is
// 1.99 times 2^22.
FASTNTK_HD double fixed_point_scale(double largest) {
  constexpr double kLargestRatio = 1.99;
  const double scale = power_below(largest);
  return largest / scale > kLargestRatio ? 2 * scale : scale;
}

// What multiplies a row to make it fixed point.
constexpr double kFixedPointUnit = 4194304;  // 2^22
FASTNTK_HD double fixed_point_factor(double scale) { return 1 / scale * kFixedPointUnit; }

}  // namespace fastntk
