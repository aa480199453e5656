// SPDX-License-Identifier: Apache-2.0
// Two activations with one normalised dual, the Gaussian kernel of the preactivations:
//   Exponential  f(u) = exp(u),                      E[f(u)^2] = exp(2 q);
//   Rbf          f(u) = sqrt(2) sin(u + pi / 4),     E[f(u)^2] = 1 [Louart, Liao and Couillet 2018].
// With r = sqrt q,
//   E[f(u) f(v)] / sqrt(A A') = exp(-e),  e = (r - r')^2 / 2 + 2 r r' x,
//   E[f'(u) f'(v)] = E[f(u) f(v)].
// exp(2 q) leaves double's range at q = 354; the pair step does not depend on it.
#pragma once

#include "common/activations/root_norms.h"

namespace fastntk {

namespace detail {

// What the two share.
struct GaussianKernel {
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 2;  // hi and lo of root_norms.h
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD double square_at_zero() const { return 1; }
  bool dual_is_non_negative() const { return true; }

  template <int kLevel, class V>
  FASTNTK_HD PairDual<V> pair_step(V x, const V* a, const V* b) const {
    using T = Scalar<V>;
    const V half(T(0.5)), zero(T(0));
    const RootNorms<V> norms = root_norms(a, b);
    if constexpr (kLevel == kFolded)
      x = unfold(x);
    const V turned = rounded(norms.twice_product * x);
    const Exponentials<V> kernel = exponentials(zero - mul_add(half, norms.square_gap, turned));
    return {zero - half * kernel.minus_one, half * norms.twice_product * kernel.value};
  }

protected:
  template <class Real>
  FASTNTK_HD static RowDual<Real> row_dual(Real q, Real second_moment) {
    const Real r = root_of_norm(q), hi = leading_part(r);
    return {second_moment, q, {hi, r - hi}};
  }
};

}  // namespace detail

struct Exponential : detail::GaussianKernel {
  static constexpr const char* kName = "exponential";

  FASTNTK_HD explicit Exponential(const double*) {}

  template <class T>
  FASTNTK_HD T value(T u) const {
    return exponential(u);
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    return exponential(u);
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    return row_dual(q, exponential(q + q));
  }
};

// Its value and slope are sums, sin u + cos u and cos u - sin u: their errors, like their terms, are
// relative to 1 near their zeros.
struct Rbf : detail::GaussianKernel {
  static constexpr const char* kName = "rbf";

  FASTNTK_HD explicit Rbf(const double*) {}

  template <class T>
  FASTNTK_HD T value(T u) const {
    return sine(u) + cosine(u);
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    return cosine(u) - sine(u);
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    return row_dual(q, Real(1.0));
  }
};

}  // namespace fastntk
