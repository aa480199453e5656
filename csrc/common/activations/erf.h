// SPDX-License-Identifier: Apache-2.0
// f(u) = erf(u): the arc-sine kernel [Williams 1998].
//   E[f(u) f(v)] = (2 / pi) asin(rho),  rho = R R' (1 - 2 x),  R^2 = 2 q / (1 + 2 q);
//   E[f'(u) f'(v)] = (4 / pi) / sqrt((1 + 2 q)(1 + 2 q') - 4 s^2),  s = Sigma(x, x').
//
// f is odd: opposite rows have the negative dual, and theta is taken acute, or its supplement.
//
// With sin phi = rho and sin phi_q = R^2 the normalised dual is phi / sqrt(phi_q phi_q'). Its deficit z
// is written without a difference of nearly equal angles: with the mean m of phi_q and phi_q',
//   2 z sqrt(phi_q phi_q') = (m - phi) - (sqrt phi_q - sqrt phi_q')^2 / 2,
//   sin(m - phi) sin(m + phi) = sin^2 m - sin^2 phi = H,
//   H = sin^2((phi_q - phi_q') / 2) + 4 (R R')^2 x (1 - x),   cos^2 phi = cos^2 m + H,
// sums of positive terms. Rows keep sines and cosines of halves of phi_q, and of pi / 2 - phi_q, which
// for large q is all that rows of unequal norm differ by. Where the difference of angles and roots
// loses more digits than it saves (phi_q and phi_q' far apart, or x large),
//   z = (1 - phi / sqrt(phi_q phi_q')) / 2.
//
// f'(u) = 2 exp(-u^2) / sqrt(pi): the square is taken with what its rounding loses, which exp would
// multiply by u^2.
#pragma once

#include "common/activations/activation.h"

namespace fastntk {

struct Erf {
  static constexpr const char* kName = "erf";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 6;
  static constexpr bool kUsesAngleLevels = false;

  FASTNTK_HD explicit Erf(const double*) {}

  FASTNTK_HD static double square_at_zero() { return 0; }
  FASTNTK_HD static bool dual_is_non_negative() { return false; }

  template <class T>
  FASTNTK_HD static T value(T u) {
    return error_function(u);
  }
  template <class T>
  FASTNTK_HD static T slope(T u) {
    constexpr T kLess1 = static_cast<T>(0.12837916709551257);  // 2 / sqrt(pi) - 1
    constexpr T kVanishes = 1000;                              // exp(-1000) is 0
    const T square = u * u;
    if (square > kVanishes)
      return 0;
    const T lost = fused_mul_add(u, u, -square);
    const T bell = exponential(-square);
    return fused_mul_add(bell, kLess1 - (1 + kLess1) * lost, bell);
  }

  template <class Real>
  FASTNTK_HD static RowDual<Real> row_step(Real q) {
    const Real half(0.5), complement = 1 / (1 + 2 * q);  // 1 - R^2
    const Real r2 = 2 * q * complement;
    const Real cosine = square_root(complement * (1 + r2));
    const Real phi = arc_tangent(r2, cosine);
    // Below it f is linear to all digits, and floats have room for products of two of these.
    const Real least(1e-17), sine = r2 + least, angle = phi + least;
    const Real cosine_of_half = square_root(half * (1 + cosine));
    const Real cosine_of_rest = square_root(half * (1 + r2));
    return {two_over_pi<Real>() * phi,
            r2 / (cosine * phi),
            {half * sine / cosine_of_half, cosine_of_half, half * cosine / cosine_of_rest,
             cosine_of_rest, square_root(angle), square_root(sine / angle)}};
  }

  template <int kLevel, class V>
  FASTNTK_HD static FoldedDual<V> pair_step(V x, const V* a, const V* b) {
    using T = Scalar<V>;
    const V zero(T(0)), one(T(1)), two(T(2)), half(T(0.5)), quarter(T(0.25));
    const auto obtuse = is_obtuse<kLevel>(x);
    x = acute_deficit<kLevel>(x);
    const V roots = a[kRoot] * b[kRoot], ratios = a[kRatio] * b[kRatio];
    const V product = roots * ratios, shift = product * (x + x);  // R R', R R' - rho
    const V rho = product - shift;

    const V first = rounded(a[kSine] * b[kCosine]), second = rounded(b[kSine] * a[kCosine]);
    const V first_rest = rounded(a[kSineOfRest] * b[kCosineOfRest]);
    const V second_rest = rounded(b[kSineOfRest] * a[kCosineOfRest]);
    const V sine = first + second, cosine = first_rest + second_rest;  // of m
    // Of (phi_q - phi_q') / 2, but for its sign.
    const V apart = select(less(sine, cosine), first - second, first_rest - second_rest);
    const V turn = (shift + shift) * (one - x);
    const V between = mul_add(turn, product, rounded(apart * apart));  // H
    const Roots<V> cosine_phi = both_roots(mul_add(cosine, cosine, between));
    const V inverse = quotient(one, mul_add(sine, cosine_phi.root, rounded(cosine * rho)));
    // H / sin(m + phi), where H itself may be too small for a number.
    const V sine_gap = mul_add(turn, product * inverse, rounded(apart * (apart * inverse)));
    const V cosine_gap = mul_add(sine, rho, rounded(cosine * cosine_phi.root));

    const auto far = less(half * roots, sine_gap);
    const V of_sine = select(far, rho, sine_gap);
    const V of_cosine = select(far, cosine_phi.root, cosine_gap);
    // phi or m - phi, by the sine of its half; and its half.
    const V angle = twice_arc_sine(of_sine * both_roots(mul_add(two, of_cosine, two)).inverse);
    const V half_angle = half * angle;
    const V inverse_roots = quotient(one, roots);
    const V difference = a[kRoot] - b[kRoot];
    const V gap = neg_mul_add(quarter * difference, difference, half_angle);
    const V deficit = maximum(
        zero, select(far, neg_mul_add(half_angle, inverse_roots, half), gap * inverse_roots));
    return {select(obtuse, V(static_cast<T>(-kOpposite)) - deficit, deficit),
            ratios * cosine_phi.inverse};
  }

private:
  // Of phi_q / 2; of (pi / 2 - phi_q) / 2; sqrt phi_q, R / sqrt phi_q.
  enum RowScalar { kSine, kCosine, kSineOfRest, kCosineOfRest, kRoot, kRatio };
};

}  // namespace fastntk
