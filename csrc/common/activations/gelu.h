// SPDX-License-Identifier: Apache-2.0
// f(u) = u Phi(u) = u erfc(-u / sqrt 2) / 2, exact [Hendrycks and Gimpel 2016]; its dual
// [Tsuchida, Pearce, van der Heide, Roosta and Gallagher 2021]: with s = Sigma(x, x'),
//   E[f(u) f(v)] = s I + J (q q' - s^2 + s^2 / (1 + q) + s^2 / (1 + q')),
//   E[f'(u) f'(v)] = I + J s (1 / (1 + q) + 1 / (1 + q') + 1 / Delta),
//   I = 1/4 + asin(s / sqrt((1 + q)(1 + q'))) / (2 pi),   J = 1 / (2 pi sqrt Delta),
//   Delta = (1 + q)(1 + q') - s^2.
//
// In angles: tan alpha = a = sqrt q, S = sin alpha, C = cos alpha,
//   sin phi_0 = S S',  sin phi = S S' cos theta,  omega = phi_0 - phi,
// so that Delta = (cos phi / (C C'))^2, and large q do not overflow. With E[f(u)^2] = q n^2,
//   4 n n' z = D - (n - n')^2 + 2 G.
//
// G is the way from angle 0 to theta at the same norms:
//   2 pi G = 2 x (pi / 2 + phi) + (omega - sin omega) + rest.
// Each term is positive and has its factor x; the first two are ReLU's, for which omega = theta.
// Obtuse angles have E(s) = E(-s) + s / 2.
//
// D = E[(f(a g) / a - f(a' g) / a')^2] is the way from one norm to the other at angle 0:
//   2 pi D = 3 times the integral of (1 + u^2 + v^2)^(-5/2) over the square from a to a' in u, v.
// The same with the power -3/2, once, is a solid angle, that of two equal triangles, the tangent of
// whose halves has (a - a')^2 as a factor [van Oosterom and Strackee 1983]. The rest, which is an
// integral along the border, has it, too. No difference of rows' numbers but a - a' and n - n' is
// formed, so sqrt z errs by a few roundings. Only for large q the two parts cancel, to 1 / q of
// themselves, where D is as small as q^(-3/2): sqrt z loses 2^-53 q^(1/4) at most.
//
// Errors measured, in roundings of 1 (2^-53 in double, 2^-24 in float): deficit 3.7, slope 4.8,
// sqrt z 3.4, and 11 where q or q' is 1e6. Two layers of float slopes would fill the float gate.
#pragma once

#include "common/activations/activation.h"

namespace fastntk {

struct Gelu {
  static constexpr const char* kName = "gelu";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 8;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD explicit Gelu(const double*) {}

  FASTNTK_HD double square_at_zero() const { return 0; }
  // Opposite rows: f(u) f(-u) < 0.
  bool dual_is_non_negative() const { return false; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    return u < -kFar<T> ? T(0) : u * cumulative(near(u));
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    const T at = near(u);
    return cumulative(at) + at * density(at);
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    const Real inverse_two_pi = two_over_pi<Real>() / 4, quarter(0.25);
    // Beyond 1e36 f is ReLU or linear to all digits; floats have room for products of two of these.
    const Real least(1e-36), inverse = 1 / (1 + q);
    const Real cosine2 = inverse + least, sine2 = q * inverse + least, root2 = 1 + sine2;
    const Real sine = square_root(sine2), cosine = square_root(cosine2);
    const Real root = square_root(root2), phi = arc_tangent(sine2, cosine * root);
    const Real ratio = sine2 * cosine / root;
    const Real norm2 = quarter + inverse_two_pi * (phi + 2 * ratio);
    const Real slope = quarter + inverse_two_pi * (phi + ratio * (2 + 1 / root2));
    const Real norm = square_root(norm2);
    return {q * norm2,
            slope / norm2,
            {sine, cosine, sine / cosine, root, root / cosine, 1 / two_over_pi<Real>() + phi, norm,
             1 / norm}};
  }

  template <int kLevel, class V>
  FASTNTK_HD PairDual<V> pair_step(V x, const V* a, const V* b) const {
    using T = Scalar<V>;
    const V one(T(1)), two(T(2)), half(T(0.5)), quarter(T(0.25));
    const V inverse_two_pi(two_over_pi<T>() / 4);
    const auto obtuse = is_obtuse<kLevel>(x);
    x = acute_deficit<kLevel>(x);
    const V scale = a[kInverseNorm] * b[kInverseNorm];

    const V sine = a[kSine] * b[kSine], cosines = a[kCosine] * b[kCosine];
    const V squares = rounded(square(a[kCosine])) + rounded(square(b[kCosine]));
    const V cosine2_start = neg_mul_add(cosines, cosines, squares);  // cos^2 phi_0
    const Roots<V> start = both_roots(cosine2_start);
    const SquareIntegral<V> gap = square_integral(a, b, sine, cosines, start);

    const V twice = x + x, cosine = one - twice;
    const V shift = sine * (two * neg_mul_add(twice, x, twice));           // S S' sin^2 theta
    const Roots<V> end = both_roots(mul_add(shift, sine, cosine2_start));  // cos phi
    // sin omega = shift / sum, and of its half.
    const V sum = mul_add(cosine, start.root, end.root), both = start.root + end.root;
    const V inverse_sums = quotient(one, sum * both), inverse = inverse_sums * both;
    const V cosine_omega = mul_add(start.root, end.root, rounded(square(sine) * cosine));
    const V inverse_root = both_roots(mul_add(two, cosine_omega, two)).inverse;
    const AngleAndExcess<V> omega = angle_and_excess((shift * inverse) * inverse_root);

    // Twice pi / 2 + phi, where 2 phi_0 is the sum of both rows' angles less the solid angle.
    const V opening = (a[kOpening] + b[kOpening]) - mul_add(two, omega.angle, gap.solid_angle);
    const V factor = shift * (end.inverse * (inverse_sums * sum));
    const V rest = factor * mul_add(end.root, mul_add(twice * start.root, inverse, squares),
                                    square(cosines) * start.inverse);
    const V way = mul_add(x, opening, omega.excess + rest);  // 2 pi G
    const V lengths = a[kNorm] - b[kNorm];
    const V parts = inverse_two_pi * mul_add(two, way, gap.integral) - rounded(square(lengths));
    const V all = select(obtuse, parts + cosine, parts);

    const V bend =
        (sine * cosine) * end.inverse * mul_add(square(cosines * end.inverse), one, squares);
    const V from_right = mul_add(half, opening, bend);
    const V slope = select(obtuse, V(pi<T>()) - from_right, from_right);
    return {maximum(V(T(0)), quarter * (scale * all)), inverse_two_pi * (scale * slope)};
  }

private:
  enum RowScalar { kSine, kCosine, kTangent, kRoot, kSecant, kOpening, kNorm, kInverseNorm };

  template <class V>
  struct SquareIntegral {
    V integral;     // 2 pi D
    V solid_angle;  // its part with the power -3/2
  };

  template <class V>
  FASTNTK_HD static SquareIntegral<V> square_integral(const V* a, const V* b, V sine, V cosines,
                                                      Roots<V> cosine) {
    const V start = cosine.root;  // cos phi_0
    const V twice_sine = sine + sine;
    const V difference = cosines * (a[kTangent] - b[kTangent]);  // sin(alpha - alpha')
    const V total = cosines * (a[kTangent] + b[kTangent]);       // sin(alpha + alpha')
    const V roots = a[kRoot] * b[kRoot], secants = cosines * (a[kSecant] + b[kSecant]);
    const V own_a = a[kCosine] * a[kRoot], own_b = b[kCosine] * b[kRoot];  // cos of rows' angles
    const V difference2 = square(difference);
    // A quarter of the solid angle is the angle of the point (base, difference^2).
    const V base =
        mul_add(start, twice_sine + (roots + cosines), mul_add(sine, secants, own_a + own_b));
    const V inverse = both_roots(mul_add(base, base, square(difference2))).inverse;
    // The solid angle is at most a right one: the sine of its quarter at most 0.383, whose square lies
    // within the third layer's deficits. What cancels at large norms needs that polynomial's digits.
    const V half_angle = twice_arc_sine<kThirdLayer>(difference2 * inverse);
    const V solid_angle = half_angle + half_angle;

    const V side_a = mul_add(a[kSine], start, rounded(b[kSine] * own_a));
    const V side_b = mul_add(b[kSine], start, rounded(a[kSine] * own_b));
    const V product = difference * total;
    const V height = neg_mul_add(twice_sine, start, rounded(cosines * secants));
    const V lengths = (side_a * side_b) * (roots * (secants * cosine.inverse));
    const V boundary = quotient(product + product, lengths) * (product * cosine.inverse) *
                       (height * cosine.inverse);
    return {solid_angle + boundary, solid_angle};
  }

  // Beyond it Phi is 1, and 0 on the other side, in float and in double.
  template <class T>
  static constexpr T kFar = 40;
  template <class T>
  FASTNTK_HD static T near(T u) {
    return u < -kFar<T> ? -kFar<T> : u > kFar<T> ? kFar<T> : u;
  }
  // u / sqrt 2 with what its rounding loses, which erfc and exp multiply by u^2.
  template <class T>
  struct Scaled {
    T value;
    T lost;
  };
  template <class T>
  FASTNTK_HD static Scaled<T> scaled(T u) {
    constexpr T kRootHalf = static_cast<T>(0.70710678118654752440);
    constexpr T kRest = static_cast<T>(0.70710678118654752440L - kRootHalf);
    const T value = u * kRootHalf;
    return {value, fused_mul_add(u, kRest, fused_mul_add(u, kRootHalf, -value))};
  }
  // Phi(u)
  template <class T>
  FASTNTK_HD static T cumulative(T u) {
    constexpr T kInverseRootPi = static_cast<T>(0.56418958354775628695);
    const Scaled<T> t = scaled(u);
    const T bell = exponential(-t.value * t.value);
    return fused_mul_add(kInverseRootPi * bell, t.lost,
                         T(0.5) * error_function_complement(-t.value));
  }
  // Its derivative.
  template <class T>
  FASTNTK_HD static T density(T u) {
    constexpr T kInverseRootTwoPi = static_cast<T>(0.39894228040143267794);
    const Scaled<T> t = scaled(u);
    const T square = t.value * t.value;
    const T lost = fused_mul_add(t.value, t.value, -square) + 2 * t.value * t.lost;
    const T bell = kInverseRootTwoPi * exponential(-square);
    return fused_mul_add(bell, -lost, bell);
  }
};

}  // namespace fastntk
