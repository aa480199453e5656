// SPDX-License-Identifier: Apache-2.0
// f(u) = sum_k c_k u^k, parameters (c_0, ..., c_8), not all 0: monomials, Hermite polynomials and
// others. By Mehler's formula, a finite sum here [O'Donnell 2014, chapter 11],
//   E[f(u) f(v)] = sum_k a_k(q) a_k(q') c^k,   E[f'(u) f'(v)] sqrt(q q') = sum_k k a_k a_k' c^(k-1)
// where a_k are the coefficients of f(sqrt(q) g) in normalised Hermite polynomials of g,
//   a_k(q) = sqrt(k!) sum_j c_(k+2j) q^((k+2j)/2) (k+2j)! / (2^j j! k!).
// Row scalars are b_k = a_k / sqrt A, a unit vector. Where theta is obtuse, b_k' of odd k change their
// sign, and c = 1 - 2 x is the cosine of the supplement; then
//   z = 1/4 sum_k (b_k - b_k')^2 + x sum_k b_k b_k' (1 + c + ... + c^(k-1)),
// no difference of nearly equal numbers for near-duplicates, nor for opposite rows if f is even; and
// 1 - z, with sums in place of differences and the other sign of x, is none for those if f is odd.
//
// Coefficients are those of powers, and not of Hermite polynomials, because small and large q leave
// one power alone: sums above lose digits only where the powers of f themselves cancel, which costs
// the Hermite polynomial of degree 8 a factor of 10 at its worst q.
//
// f, its derivative and A ~ q^degree grow: floats, and rows of deep networks, may overflow to infinity.
// Row scalars do not.
#pragma once

#include "common/activations/activation.h"

namespace fastntk {

struct Polynomial {
  static constexpr int kDegree = 8;  // at most
  static constexpr const char* kName = "polynomial";
  static constexpr int kParameters = kDegree + 1;
  static constexpr int kRowScalars = kDegree + 1;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD explicit Polynomial(const double* parameters) : lowest_(kDegree), degree_(0) {
    FASTNTK_UNROLL
    for (int k = 0; k <= kDegree; ++k) {
      c_[k] = parameters[k];
      lowest_ = c_[k] != 0 && k < lowest_ ? k : lowest_;
      degree_ = c_[k] != 0 ? k : degree_;
    }
  }

  FASTNTK_HD double square_at_zero() const { return c_[0] * c_[0]; }
  // Of even polynomials with coefficients of one sign. Others have a negative dual at some q and
  // theta, or cannot be told to have none by their coefficients alone.
  bool dual_is_non_negative() const {
    bool positive = true, negative = true;
    for (int k = 0; k <= kDegree; ++k) {
      positive = positive && (k % 2 == 0 ? c_[k] >= 0 : c_[k] == 0);
      negative = negative && (k % 2 == 0 ? c_[k] <= 0 : c_[k] == 0);
    }
    return positive || negative;
  }

  // Within degree + 1 roundings of sum_k |c_k u^k|, and of its derivative.
  template <class T>
  FASTNTK_HD T value(T u) const {
    T sum = 0;
    FASTNTK_UNROLL
    for (int k = kDegree; k >= 0; --k)
      sum = times(sum, u) + static_cast<T>(c_[k]);
    return u == u ? sum : u;
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    T sum = 0;
    FASTNTK_UNROLL
    for (int k = kDegree; k >= 1; --k)
      sum = times(sum, u) + static_cast<T>(k) * static_cast<T>(c_[k]);
    return sum;
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    const Real none(0.0), one(1.0);
    const Real root = square_root(q);
    // c_k q^(k/2) over the power of sqrt q that dominates: the degree's where q is large, the lowest
    // where it is small. `scale` is the square of that power.
    const bool large = less(one, q);
    Real terms[kDegree + 1];
    Real power = one, scale = one;
    if (large) {
      const Real inverse = one / root;
      FASTNTK_UNROLL
      for (int k = kDegree; k >= 0; --k) {
        terms[k] = Real(c_[k]) * power;
        power = k <= degree_ ? power * inverse : power;
        scale = k < degree_ ? scale * q : scale;
      }
    } else {
      FASTNTK_UNROLL
      for (int k = 0; k <= kDegree; ++k) {
        terms[k] = Real(c_[k]) * power;
        power = k >= lowest_ ? power * root : power;
        scale = k < lowest_ ? scale * q : scale;
      }
    }
    RowDual<Real> dual;
    Real moment = none, slope_moment = none;
    double factorial = 1;
    FASTNTK_UNROLL
    for (int k = 0; k <= kDegree; ++k) {
      factorial *= k > 0 ? k : 1;
      Real sum = none;
      double weight = 1;  // (k+2j)! / (2^j j! k!)
      FASTNTK_UNROLL
      for (int j = 0; k + 2 * j <= kDegree; ++j) {
        sum = sum + Real(weight) * terms[k + 2 * j];
        weight *= (k + 2 * j + 1) * (k + 2 * j + 2) / (2.0 * (j + 1));
      }
      const Real a = square_root(Real(factorial)) * sum;
      dual.scalars[k] = a;
      moment = moment + a * a;
      slope_moment = slope_moment + Real(double(k)) * a * a;
    }
    const Real inverse = one / square_root(moment);
    FASTNTK_UNROLL
    for (int k = 0; k <= kDegree; ++k)
      dual.scalars[k] = dual.scalars[k] * inverse;
    dual.second_moment = moment * scale;
    dual.slope = slope_moment / moment;
    return dual;
  }

  template <int kLevel, class V>
  FASTNTK_HD FoldedDual<V> pair_step(V x, const V* a, const V* b) const {
    using T = Scalar<V>;
    const V none(T(0)), one(T(1)), two(T(2)), quarter(T(0.25));
    const auto obtuse = is_obtuse<kLevel>(x);
    const V acute = acute_deficit<kLevel>(x);
    const V c = neg_mul_add(two, acute, one);
    V apart = square(a[0] - b[0]);
    V close = square(a[0] + b[0]);  // for 1 - z, what apart is for z
    V products = none;              // b_i b_i' of i = k and above
    V sum =
        none;  // their sums by Horner's rule: 1 + c + ... + c^(k-1) is the factor of each product
    V slope = none;
    FASTNTK_UNROLL
    for (int k = kDegree; k >= 1; --k) {
      const V other = k % 2 == 1 ? select(obtuse, negated(b[k]), b[k]) : b[k];
      const V gap = a[k] - other, total = a[k] + other, product = rounded(a[k] * other);
      apart = mul_add(gap, gap, apart);
      close = mul_add(total, total, close);
      products = products + product;
      sum = mul_add(sum, c, products);
      slope = mul_add(slope, c, rounded(V(T(k)) * product));
    }
    const V deficit = maximum(none, mul_add(acute, sum, quarter * apart));
    const V supplement = neg_mul_add(acute, sum, quarter * close);
    return {fold(deficit, supplement), select(obtuse, negated(slope), slope)};
  }

private:
  // A power that f does not have is 0 at infinite u, too.
  template <class T>
  FASTNTK_HD static T times(T sum, T u) {
    return sum == 0 ? T(0) : sum * u;
  }

  double c_[kDegree + 1];
  int lowest_;  // powers of u that f has
  int degree_;
};

}  // namespace fastntk
