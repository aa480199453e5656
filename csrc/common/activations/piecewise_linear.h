// SPDX-License-Identifier: Apache-2.0
// f(u) = a min(u, 0) + b max(u, 0), parameters (a, b), whose squares must have a sum between 1e-300
// and 1e300: leaky ReLU (a, 1), the absolute value (-1, 1), the identity (1, 1). A multiple of u plus
// one of max(u, 0), so that with kappa_1 of arc_cosine.h
//   E[f(u) f(v)] = sqrt(q q') (a^2 + b^2) / 2 (lambda kappa_1 + (1 - lambda) cos theta),
//   E[f'(u) f'(v)] = (a^2 + b^2) / 2 (1 - lambda theta / pi),  lambda = (a - b)^2 / (a^2 + b^2).
// With the tails T of the acute one of theta and its supplement, and x of it,
//   z = x - lambda T_1,                                          d = 1 - 2 lambda T_0,
//   z = (1 - lambda / 2) - (1 - lambda) x - lambda T_1,          d = (1 - lambda) + 2 lambda T_0,
// the second line if theta is obtuse. 1 - lambda / 2 = (a + b)^2 / (2 (a^2 + b^2)) and
// 1 - lambda = 2 a b / (a^2 + b^2) are no differences: of |u|, to which u and -u are the same row,
// z = x - 2 T_1 on both sides. It keeps the digits of nearly opposite rows that x has: all of them in
// the first layer, since the engines measure close pairs of either kind directly and fold their x.
// 1 - z = lambda / 2 + (1 - lambda) x + lambda T_1 keeps them where rows stay nearly opposite.
#pragma once

#include "common/activations/activation.h"
#include "common/arc_cosine.h"

namespace fastntk {

struct PiecewiseLinear {
  static constexpr const char* kName = "piecewise_linear";
  static constexpr int kParameters = 2;
  static constexpr int kRowScalars = 0;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD explicit PiecewiseLinear(const double* parameters)
      : negative_(parameters[0]), positive_(parameters[1]) {
    const double a = negative_, b = positive_;
    const double inverse = 1 / (a * a + b * b);
    lambda_ = square(a - b) * inverse;
    opposite_ = minimum(square(a + b) * inverse / 2, 1.0);
    tilt_ = 2 * a * b * inverse;
  }

  FASTNTK_HD double square_at_zero() const { return 0; }
  // cos theta + lambda (kappa_1 - cos theta) grows with lambda, from kappa_1 >= 0 at lambda = 1; for
  // smaller ones opposite rows make it lambda - 1 < 0.
  bool dual_is_non_negative() const { return tilt_ <= 0; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    return (u < 0 ? static_cast<T>(negative_) : static_cast<T>(positive_)) * u;
  }
  // a at the kink.
  template <class T>
  FASTNTK_HD T slope(T u) const {
    return u > 0 ? static_cast<T>(positive_) : static_cast<T>(negative_);
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    const Real a(negative_), b(positive_);
    return {(a * a + b * b) * q / 2, Real(1.0), {}};
  }

  template <int kLevel, class V>
  FASTNTK_HD FoldedDual<V> pair_step(V x, const V*, const V*) const {
    using T = Scalar<V>;
    const V none(T(0)), one(T(1)), half(T(0.5));
    const V lambda(static_cast<T>(lambda_)), tilt(static_cast<T>(tilt_));
    const V opposite(static_cast<T>(opposite_));
    const auto obtuse = is_obtuse<kLevel>(x);
    const V acute = acute_deficit<kLevel>(x);
    const ArcCosineTails<1, V> tails = arc_cosine_tails<1>(acute);
    const V start = select(obtuse, opposite, none);
    const V factor = select(obtuse, negated(tilt), one);
    const V deficit = neg_mul_add(lambda, tails.of[1], mul_add(factor, acute, start));
    // 1 - z, if theta is obtuse; otherwise z is at most 1/2.
    const V supplement = mul_add(lambda, half + tails.of[1], rounded(tilt * acute));
    const V fall = (lambda + lambda) * tails.of[0];
    return {fold(deficit, supplement), select(obtuse, tilt + fall, one - fall)};
  }

private:
  double negative_;  // a
  double positive_;  // b
  double lambda_;
  double opposite_;  // 1 - lambda / 2
  double tilt_;      // 1 - lambda
};

}  // namespace fastntk
