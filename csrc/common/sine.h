// SPDX-License-Identifier: Apache-2.0
// sin and cos of doubles without tables or arrays: what GPUs run, whose own reduce large arguments
// in memory of the thread; floats go through doubles.
//   u = k pi / 2 + r,  k = round(2 u / pi),  r in two parts from pi / 2 in three [Cody and Waite 1980].
// The first product k P1 is a multiple of 2^-52 and of nearly u: the fused difference is exact. What
// remains of r is as good near a multiple of pi / 2 as elsewhere. Taylor polynomials end where the
// next term is below a tenth of a rounding.
// Errors: at most 0.8 units in the last place to |u| = 2^45 = 3.5e13. Farther out, where u itself is
// rounded by more than 1 / 256, values are those at +-2^45.
#pragma once

#include "common/double_double.h"

namespace fastntk {

struct SineAndCosine {
  double sine;
  double cosine;
};

// Of hi + lo, |hi| < 0.8, lo at most a unit of hi's last place.
FASTNTK_HD SineAndCosine acute_sine_and_cosine(DoubleDouble angle) {
  constexpr int kSineTerms = 8, kCosineTerms = 7;
  const double square = angle.hi * angle.hi;
  double sine = 0, cosine = 0;
  double factorial = 355687428096000;  // 17!
  FASTNTK_UNROLL
  for (int i = kSineTerms; i >= 1; --i) {
    sine = fma(sine, square, (i % 2 == 0 ? 1 : -1) / factorial);
    factorial /= 2 * i * (2 * i + 1);
  }
  factorial = 20922789888000;  // 16!
  FASTNTK_UNROLL
  for (int i = kCosineTerms + 1; i >= 2; --i) {
    cosine = fma(cosine, square, (i % 2 == 0 ? 1 : -1) / factorial);
    factorial /= 2 * i * (2 * i - 1);
  }
  const double half = 0.5 * square, near_one = 1 - half;
  const double half_lost = fma(0.5 * angle.hi, angle.hi, -half);
  const double lost = ((1 - near_one) - half) - half_lost;
  return {angle.hi + fma(angle.hi * square, sine, fma(-half, angle.lo, angle.lo)),
          near_one + (fma(square * square, cosine, lost) - angle.hi * angle.lo)};
}

FASTNTK_HD SineAndCosine sine_and_cosine(double u) {
  constexpr double kLargest = 0x1p45;
  constexpr double kFirst = 0x1.921fb54442d18p+0, kSecond = 0x1.1a62633145c07p-54,
                   kThird = -0x1.f1976b7ed8fbcp-110;  // pi / 2
  // Infinity less itself is no number.
  const double bounded = (u > kLargest ? kLargest : u < -kLargest ? -kLargest : u) + (u - u);
  const double k = rint(bounded * 0.6366197723675814);
  const double exact = fma(-k, kFirst, bounded);
  const DoubleDouble second = exact_product(-k, kSecond);
  const DoubleDouble rest = exact_sum(exact, second.hi);
  const DoubleDouble angle = ordered_sum(rest.hi, fma(-k, kThird, rest.lo + second.lo));
  const SineAndCosine acute = acute_sine_and_cosine(angle);
  const double quarter = k - 4 * floor(0.25 * k);
  const bool odd = quarter == 1 || quarter == 3;
  const double sine = odd ? acute.cosine : acute.sine;
  const double cosine = odd ? acute.sine : acute.cosine;
  return {quarter >= 2 ? -sine : sine, quarter == 1 || quarter == 2 ? -cosine : cosine};
}

}  // namespace fastntk
