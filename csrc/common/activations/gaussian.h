// SPDX-License-Identifier: Apache-2.0
// f(u) = exp(-u^2).
//   E[f(u) f(v)] = ((1 + 2 q)(1 + 2 q') - 4 s^2)^(-1/2),  s = Sigma(x, x'),
//   E[f'(u) f'(v)] = 4 s ((1 + 2 q)(1 + 2 q') - 4 s^2)^(-3/2).
//
// With a = sqrt(1 + 4 q) and j = 2 q / a the normalised dual is 1 / rho,
//   rho^2 - 1 = (a - a')^2 / (2 a a') + 4 j j' x (1 - x),
// a sum of positive terms, and
//   z = (1 - 1 / rho) / 2 = (rho^2 - 1) / (2 (rho^2 + rho)),   slope = j j' (1 - 2 x) / rho^3.
// a itself forgets a small q: rows carry a - 1 = 4 q / (1 + a).
//
// f and f': the square is taken with what its rounding loses, which exp would multiply by u^2.
#pragma once

#include "common/activations/root_norms.h"

namespace fastntk {

struct Gaussian {
  static constexpr const char* kName = "gaussian";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 3;  // a - 1, 1 / a, j
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD explicit Gaussian(const double*) {}
  FASTNTK_HD double square_at_zero() const { return 1; }
  bool dual_is_non_negative() const { return true; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    return bell(u, T(1));
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    return bell(u, -2 * u);
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    const Real one(1.0), largest(kLargestRoot);
    const Real a = square_root(one + Real(4.0) * q);
    const Real inverse = one / a;
    const Real j = Real(2.0) * q * inverse;
    // E[f'(u)^2] q / A = 4 q^2 / (1 + 4 q)
    return {inverse,
            j * j,
            {minimum(Real(4.0) * q / (one + a), largest), inverse, minimum(j, largest)}};
  }

  template <int kLevel, class V>
  FASTNTK_HD PairDual<V> pair_step(V x, const V* a, const V* b) const {
    using T = Scalar<V>;
    const V one(T(1)), half(T(0.5)), four(T(4));
    const V acute = acute_deficit<kLevel>(x), rest = one - acute;
    const V cosine = select(is_obtuse<kLevel>(x), acute - rest, rest - acute);
    const V gap = a[0] - b[0];
    const V apart = half * ((gap * a[1]) * (gap * b[1]));
    const V product = minimum(a[2] * b[2], V(kLargestExponent<T>));
    const V excess = mul_add(four * product, acute * rest, rounded(apart));  // rho^2 - 1
    const V square = one + excess;
    const V rho = square_root(square);
    return {half * (excess / (square + rho)), product * cosine / (square * rho)};
  }

private:
  // factor exp(-u^2). Where the exponential alone would be below the smallest normal number 2^16 times
  // it is taken.
  template <class T>
  FASTNTK_HD static T bell(T u, T factor) {
    constexpr T kVanishes = 1000;  // exp(-1000) is 0
    constexpr T kDeep = 64;
    constexpr double kLog = 11.090354888959125,
                     kRest = 3.71047490215e-16;  // 16 log 2, in two parts
    constexpr T kLift = static_cast<T>(kLog);
    const T square = u * u;
    if (square > kVanishes)
      return 0;
    T lost = fused_mul_add(u, u, -square), exponent = -square, scale = 1;
    if (square > kDeep) {
      exponent = kLift - square;
      lost += static_cast<T>(kLift - kLog - kRest) - (kLift - (exponent + square));
      scale = T(0x1p-16);
    }
    const T plain = factor * exponential(exponent);
    return fused_mul_add(plain, -lost, plain) * scale;
  }
};

}  // namespace fastntk
