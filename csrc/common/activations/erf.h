// SPDX-License-Identifier: Apache-2.0
// f(u) = erf(u): the arc-sine kernel [Williams 1998].
//   E[f(u) f(v)] = (2 / pi) asin(rho),  rho = R R' (1 - 2 x),  R^2 = 2 q / (1 + 2 q);
//   E[f'(u) f'(v)] = (4 / pi) / sqrt((1 + 2 q)(1 + 2 q') - 4 s^2),  s = Sigma(x, x').
//
// With phi = asin(rho) and phi_q = asin(R^2) the normalised dual is phi / sqrt(phi_q phi_q'). Its
// deficit z is written without a difference of nearly equal angles:
//   2 z sqrt(phi_q phi_q')
//     = ((phi_q - phi) + (phi_q' - phi)) / 2 - (sqrt phi_q - sqrt phi_q')^2 / 2,
//   sin(phi_q - phi) = (R^2 - rho)(R^2 + rho) / (R^2 cos phi + rho cos phi_q),
//   R^2 - rho = R (R - R') + 2 R R' x,
// where R - R' is that of 1 - R for large q, and 1 - rho, 1 + rho, 1 - R^2 = 1 / (1 + 2 q) keep cos phi
// accurate there. Where that difference loses more digits than it saves (phi_q and phi_q' far apart, or
// x large),
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
  // R, 1 - R^2, cos phi_q, sqrt phi_q, R / sqrt phi_q
  static constexpr int kRowScalars = 5;
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
    const Real complement = 1 / (1 + 2 * q);  // 1 - R^2
    const Real r2 = 2 * q * complement;
    const Real cosine = square_root(complement * (1 + r2));
    const Real phi = arc_tangent(r2, cosine);
    // Below it f is linear, and pairs have room for products.
    const Real least(1e-290);
    const Real r = square_root(r2 + least), root = square_root(phi + least);
    return {
        two_over_pi<Real>() * phi, r2 / (cosine * phi), {r, complement, cosine, root, r / root}};
  }

  template <int kLevel, class V>
  FASTNTK_HD static PairDual<V> pair_step(V x, const V* a, const V* b) {
    using T = Scalar<V>;
    const V one(T(1)), half(T(0.5)), quarter(T(0.25));
    V rest = one - x;  // 1 - x
    if constexpr (kLevel == kFolded) {
      const auto obtuse = less(x, V(T(0)));
      rest = select(obtuse, negated(x), rest);
      x = unfold(x);
    }
    const V product = a[0] * b[0], twice = product + product;
    const V shift = twice * x;  // R R' - rho
    const V rho = product - shift;
    const V radial = radial_gap(a, b);
    const V apart = a[1] + b[1] + square(radial);            // 2 (1 - R R')
    const V below_one = mul_add(half, apart, shift);         // 1 - rho
    const V above_one = mul_add(half, apart, twice * rest);  // 1 + rho
    const V cosine = square_root(below_one * above_one);
    const V inverse = one / (a[3] * b[3]);  // 1 / sqrt(phi_q phi_q')
    const V gap_a = angle_from(a, radial, rho, shift, cosine);
    const V gap_b = angle_from(b, negated(radial), rho, shift, cosine);
    const V spread = quarter * (gap_a + gap_b) * inverse;
    const V from_gaps = neg_mul_add(quarter * inverse, square(a[3] - b[3]), spread);
    // phi from the smaller of phi_q and phi_q', alike for a pair and its transpose.
    const V phi_a = rounded(a[3] * a[3]) - gap_a;
    const V phi_b = rounded(b[3] * b[3]) - gap_b;
    const V phi_larger = select(less(b[3], a[3]), phi_b, maximum(phi_a, phi_b));
    const V phi = select(less(a[3], b[3]), phi_a, phi_larger);
    const V from_angle = neg_mul_add(half, phi * inverse, half);
    const V deficit = select(less(half, from_gaps + spread), from_angle, from_gaps);
    return {maximum(deficit, V(T(0))), a[4] * b[4] / cosine};
  }

private:
  // R - R': of R, or of 1 - R = (1 - R^2) / (1 + R) where that is the smaller number, which for large q
  // is all that rows of unequal norm differ by.
  template <class V>
  FASTNTK_HD static V radial_gap(const V* a, const V* b) {
    const V one(Scalar<V>(1));
    return select(less(a[0] + b[0], one), a[0] - b[0], b[1] / (one + b[0]) - a[1] / (one + a[0]));
  }
  // phi_q - phi for the row whose scalars are a; radial: its R less the other's.
  template <class V>
  FASTNTK_HD static V angle_from(const V* a, V radial, V rho, V shift, V cosine) {
    using T = Scalar<V>;
    const V one(T(1)), pi(T(3.14159265358979323846));
    const V r2 = a[0] * a[0];
    const V gap = mul_add(a[0], radial, shift);  // R^2 - rho
    // Acute phi: the sum of two positive terms divides; otherwise the plain difference of products
    // has no cancellation.
    const V sine_direct = r2 * cosine - rounded(rho * a[2]);
    const V sum = mul_add(r2, cosine, rounded(maximum(rho, V(T(0))) * a[2]));
    const V sine_stable = gap * ((r2 + rho) / sum);  // the quotient of small numbers is not small
    const V sine = select(less(rho, V(T(0))), sine_direct, sine_stable);
    const V cosine_gap = mul_add(a[2], cosine, rounded(r2 * rho));
    // delta = 2 asin(h), h = sin(delta / 2); past a right angle through its supplement, whose sine is
    // the same.
    const V size = maximum(cosine_gap, negated(cosine_gap));
    const V angle = twice_arc_sine(sine / square_root((one + size) * V(T(2))));
    return select(less(V(T(0)), cosine_gap), angle, pi - angle);
  }
};

}  // namespace fastntk
