// SPDX-License-Identifier: Apache-2.0
// Whether a row of floats keeps its angles as 24-bit fixed point (Product::kSlices): not where it has
// numbers so much larger than the rest that what the rest loses by rounding shows.
//
// A row x is rounded to x + e, which moves its cosine with a row y by e.y / (|x| |y|). That is little
// where e has no pattern, at most 7e-8 in the mean square; where many numbers are alike, so are their
// roundings, and a constant y meets them all. A thousand ones beside 1e7 move it by 3e-6.
// The products of third digits are left out: of two rows they move the cosine by at most the product
// of their shares, the square. Rows without a pattern have 5e-9 of it.
#pragma once

#include <cmath>

#include "common/macros.h"

namespace fastntk {

// What one number, or a sum of them, loses.
template <class T>
struct FixedPointLoss {
  T error;         // e, with the sign of x
  T error_square;  // e^2
  T third_square;  // of the third digit
  T square;        // x^2
};

// The nearest integer of 0 <= x < 2^23, ties to even: no float beyond has a fraction.
FASTNTK_HD float nearest_integer(float x) {
  constexpr float kNoFraction = 8388608;
  return (x + kNoFraction) - kNoFraction;
}

// Of one number, already multiplied by fixed_point_factor.
FASTNTK_HD FixedPointLoss<float> fixed_point_loss(float exact) {
  const float size = fabsf(exact);
  const float integer = nearest_integer(size);
  const float error = size - integer;
  const float third = integer - 256 * nearest_integer(integer / 256);
  return {copysignf(error, exact * error), error * error, third * third, exact * exact};
}

// Of a row's sums. largest_error: of |e| / |x|, which no y exceeds. False for rows so small that the
// factor overflows.
FASTNTK_HD bool fixed_point_serves(const FixedPointLoss<double>& row, long columns,
                                   double largest_error = 2e-6) {
  constexpr double kLargestCommon = 2e-7;  // of |sum of e| / (sqrt(columns) |x|)
  constexpr double kLargestThird = 2e-4;   // of |third digits| / |x|
  return row.error * row.error <=
             kLargestCommon * kLargestCommon * static_cast<double>(columns) * row.square &&
         row.error_square <= largest_error * largest_error * row.square &&
         row.third_square <= kLargestThird * kLargestThird * row.square;
}

}  // namespace fastntk
