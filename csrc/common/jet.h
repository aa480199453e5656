// SPDX-License-Identifier: Apache-2.0
// A number with its derivatives by N parameters: the formulas of one pair of rows, run on jets in
// place of numbers, are their own derivatives (forward-mode differentiation). V is a number or a
// pack of them; jets have the vocabulary of scalar_math.h. Functions whose derivative is known better
// than from their approximation are in jet_angle.h.
#pragma once

#include <type_traits>

#include "common/angle_extended.h"

namespace fastntk {

template <class V, int N>
struct Jet {
  using Scalar = fastntk::Scalar<V>;

  V value;
  V by[N];  // derivatives

  Jet() = default;
  // A constant.
  FASTNTK_HD Jet(V constant) : value(constant) {
    FASTNTK_UNROLL
    for (int i = 0; i < N; ++i)
      by[i] = V(Scalar(0));
  }
  template <class S, class = std::enable_if_t<std::is_same_v<S, Scalar> && !std::is_same_v<S, V>>>
  FASTNTK_HD explicit Jet(S constant) : Jet(V(constant)) {}
  // derivative(i)
  template <class F>
  FASTNTK_HD static Jet of(V value, F derivative) {
    Jet jet;
    jet.value = value;
    FASTNTK_UNROLL
    for (int i = 0; i < N; ++i)
      jet.by[i] = derivative(i);
    return jet;
  }

  FASTNTK_HD friend Jet operator+(Jet a, Jet b) {
    return of(a.value + b.value, [&](int i) { return a.by[i] + b.by[i]; });
  }
  FASTNTK_HD friend Jet operator-(Jet a, Jet b) {
    return of(a.value - b.value, [&](int i) { return a.by[i] - b.by[i]; });
  }
  FASTNTK_HD friend Jet operator*(Jet a, Jet b) {
    return of(a.value * b.value,
              [&](int i) { return mul_add(a.by[i], b.value, rounded(a.value * b.by[i])); });
  }
  FASTNTK_HD friend Jet operator/(Jet a, Jet b) {
    const V inverse = V(Scalar(1)) / b.value, quotient = a.value / b.value;
    return of(quotient, [&](int i) { return neg_mul_add(quotient, b.by[i], a.by[i]) * inverse; });
  }

  FASTNTK_HD friend Jet mul_add(Jet a, Jet b, Jet c) {
    return of(mul_add(a.value, b.value, c.value),
              [&](int i) { return mul_add(a.by[i], b.value, mul_add(a.value, b.by[i], c.by[i])); });
  }
  FASTNTK_HD friend Jet neg_mul_add(Jet a, Jet b, Jet c) {
    return of(neg_mul_add(a.value, b.value, c.value), [&](int i) {
      return neg_mul_add(a.by[i], b.value, neg_mul_add(a.value, b.by[i], c.by[i]));
    });
  }
  FASTNTK_HD friend Jet rounded(Jet a) { return a; }

  FASTNTK_HD friend auto less(Jet a, Jet b) { return less(a.value, b.value); }
  template <class M>
  FASTNTK_HD friend Jet select(M mask, Jet a, Jet b) {
    return of(select(mask, a.value, b.value),
              [&](int i) { return select(mask, a.by[i], b.by[i]); });
  }
  FASTNTK_HD friend Jet minimum(Jet a, Jet b) { return select(less(a, b), a, b); }
  FASTNTK_HD friend Jet maximum(Jet a, Jet b) { return select(less(b, a), a, b); }

  FASTNTK_HD friend Jet square_root(Jet a) {
    const V root = square_root(a.value);
    const V slope = V(Scalar(0.5)) / root;
    return of(root, [&](int i) { return slope * a.by[i]; });
  }
  // The angle of the point (x, y).
  FASTNTK_HD friend Jet arc_tangent(Jet y, Jet x) {
    const V inverse = V(Scalar(1)) / mul_add(x.value, x.value, y.value * y.value);
    return of(arc_tangent(y.value, x.value),
              [&](int i) { return (x.value * y.by[i] - rounded(y.value * x.by[i])) * inverse; });
  }
};

}  // namespace fastntk
