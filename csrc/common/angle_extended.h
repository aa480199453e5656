// SPDX-License-Identifier: Apache-2.0
// The vocabulary of scalar_math.h and the functions of angle.h in extended precision, for what is
// computed once per row or per table. Host only.
#pragma once

#include <cmath>

#include "common/scalar_math.h"

namespace fastntk {

using Extended = long double;

template <>
struct ScalarOf<Extended> {
  using type = Extended;
};

inline Extended mul_add(Extended a, Extended b, Extended c) { return a * b + c; }
inline Extended neg_mul_add(Extended a, Extended b, Extended c) { return c - a * b; }
inline Extended square_root(Extended a) { return std::sqrt(a); }
inline Roots<Extended> both_roots(Extended a) { return {std::sqrt(a), 1 / std::sqrt(a)}; }
inline Extended arc_tangent(Extended y, Extended x) { return std::atan2(y, x); }
template <>
inline Extended two_over_pi() {
  return 0.636619772367581343075535053490057448L;
}
inline Extended minimum(Extended a, Extended b) { return a < b ? a : b; }
inline Extended maximum(Extended a, Extended b) { return a > b ? a : b; }
inline bool less(Extended a, Extended b) { return a < b; }
inline Extended select(bool mask, Extended a, Extended b) { return mask ? a : b; }
inline Extended rounded(Extended a) { return a; }

constexpr Extended kExtendedPi = 3.141592653589793238462643383279502884L;
template <>
inline Extended pi() {
  return kExtendedPi;
}

// P(x) = theta / (pi sqrt x)
inline Extended angle_polynomial_extended(Extended x) {
  const Extended s = std::sqrt(x);
  return s > 0 ? 2 * std::asin(s) / (kExtendedPi * s) : 2 / kExtendedPi;
}

// Q(y^2) = (sin theta - theta cos theta) / (2 pi y^3), by its series where that cancels.
inline Extended arc_cosine_polynomial_extended(Extended y_squared) {
  const Extended t = kExtendedPi * kExtendedPi * y_squared;  // theta^2
  const Extended scale = kExtendedPi * kExtendedPi / 2;
  if (t < Extended(1e-4))
    return scale * (1 / Extended(3) - t * (1 / Extended(30) - t * (1 / Extended(840) - t / 45360)));
  const Extended theta = std::sqrt(t);
  return scale * (std::sin(theta) - theta * std::cos(theta)) / (t * theta);
}

// Q_p of arc_cosine.h by the series of the tail in theta, p = 2 or 3:
//   6 pi tail_2 = theta (1 + 2 cos^2) - 3 sin cos,
//   30 pi tail_3 = (4 + 11 cos^2) sin - theta (9 cos + 6 cos^3),
// whose terms (-1)^k theta^(2k+1) / (2k+1)! begin with k = p.
template <int kOrder>
inline Extended tail_polynomial_extended(Extended y_squared) {
  static_assert(kOrder == 2 || kOrder == 3);
  constexpr int kTerms = 30;  // (3 theta)^2k / (2k)! is below 1e-40 of the first one
  const Extended t = kExtendedPi * kExtendedPi * y_squared;  // theta^2
  Extended sum = 0, base = Extended(1) / (kOrder == 2 ? 6 : 30), power = 1;
  for (int k = 1; k <= kTerms; ++k) {
    base /= -Extended(2 * k) * (2 * k + 1);
    power *= kOrder == 2 ? 4 : 9;
    if (k <= kOrder)
      base *= kExtendedPi * kExtendedPi;
    else
      base *= t;
    const Extended weight = kOrder == 2
                                ? (2 * k - 2) * power
                                : (27 + 33 * power) / 4 - (2 * k + 1) * (27 + 3 * power) / 2;
    sum += k < kOrder ? 0 : weight * base;
  }
  return sum;
}

}  // namespace fastntk
