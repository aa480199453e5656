// SPDX-License-Identifier: Apache-2.0
// Sums of two doubles, hi + lo with |lo| at most half a unit of hi's last place: 106 bits, for
// machines without extended precision. Every operation errs by a few units of 2^-104 at most
// [Dekker 1971; Knuth 1969; Hida, Li and Bailey 2001]. What neither overflows nor loses digits
// below the smallest normal number keeps this promise.
#pragma once

#include <cmath>

#include "common/macros.h"

namespace fastntk {

struct DoubleDouble {
  double hi;
  double lo;
};

// Of |a| >= |b|, or any two whose sum's error is to be kept.
FASTNTK_HD DoubleDouble ordered_sum(double a, double b) {
  const double sum = a + b;
  const double taken = sum - a;
  return {sum, b - taken};
}
FASTNTK_HD DoubleDouble exact_sum(double a, double b) {
  const double sum = a + b;
  const double of_b = sum - a;
  const double of_a = sum - of_b;
  const double rest_a = a - of_a;
  const double rest_b = b - of_b;
  return {sum, rest_a + rest_b};
}
FASTNTK_HD DoubleDouble exact_product(double a, double b) {
  const double product = a * b;
  return {product, fma(a, b, -product)};
}

FASTNTK_HD DoubleDouble operator-(DoubleDouble a) { return {-a.hi, -a.lo}; }

FASTNTK_HD DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble high = exact_sum(a.hi, b.hi);
  const DoubleDouble low = exact_sum(a.lo, b.lo);
  const DoubleDouble middle = ordered_sum(high.hi, high.lo + low.hi);
  return ordered_sum(middle.hi, middle.lo + low.lo);
}
FASTNTK_HD DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }

FASTNTK_HD DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble product = exact_product(a.hi, b.hi);
  const double first = a.hi * b.lo;
  const double cross = fma(a.lo, b.hi, first);
  return ordered_sum(product.hi, product.lo + cross);
}

// Long division: each quotient of leading parts takes off 53 bits.
FASTNTK_HD DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
  const double first = a.hi / b.hi;
  const DoubleDouble after_first = a - b * DoubleDouble{first, 0};
  const double second = after_first.hi / b.hi;
  const DoubleDouble after_second = after_first - b * DoubleDouble{second, 0};
  const DoubleDouble quotient = ordered_sum(first, second);
  return quotient + DoubleDouble{after_second.hi / b.hi, 0};
}

// One Newton step from the root of hi.
FASTNTK_HD DoubleDouble square_root(DoubleDouble a) {
  const double root = std::sqrt(a.hi);
  if (!(root > 0))
    return {root, 0};
  const DoubleDouble rest = a - exact_product(root, root);
  return ordered_sum(root, rest.hi / (2 * root));
}

// sin a for 0 <= a <= 0.8, by its series.
FASTNTK_HD DoubleDouble small_sine(DoubleDouble a) {
  constexpr int kTerms = 14;  // 0.8^29 / 29! is below 2^-105 of 0.8
  const DoubleDouble one{1, 0}, square = a * a;
  DoubleDouble sum = one;
  for (int k = kTerms; k >= 1; --k)
    sum = one - sum * square / DoubleDouble{2.0 * k * (2.0 * k + 1), 0};
  return a * sum;
}

// The angle of the point (x, y), x, y >= 0 and not both 0. The double angle a misses it by d with
// sin d = (y cos a - x sin a) / sqrt(x^2 + y^2).
FASTNTK_HD DoubleDouble arc_tangent(DoubleDouble y, DoubleDouble x) {
  const DoubleDouble one{1, 0}, half_pi{1.5707963267948966, 6.123233995736766e-17};
  const double angle = std::atan2(y.hi, x.hi);
  const bool steep = angle > 0.78;
  const DoubleDouble reduced = steep ? half_pi - DoubleDouble{angle, 0} : DoubleDouble{angle, 0};
  const DoubleDouble sine = small_sine(reduced);
  const DoubleDouble cosine = square_root(one - sine * sine);
  const DoubleDouble gap = steep ? y * sine - x * cosine : y * cosine - x * sine;
  const DoubleDouble missed = gap / square_root(x * x + y * y);
  return DoubleDouble{angle, 0} + missed;
}

}  // namespace fastntk
