// SPDX-License-Identifier: Apache-2.0
// The functions of angle.h for jets, by their own derivatives instead of those of the polynomials:
//   d(theta / pi) = dx / (pi sqrt(x (1 - x))),   dz = (1 - theta / pi) dx,
//   d(2 asin h) = 2 dh / sqrt(1 - h^2).
#pragma once

#include "common/angle.h"
#include "common/jet.h"

namespace fastntk {

// Of rows that are equal or opposite but for rounding, dx is nothing but rounding, of this size
// squared; so it stays one after its division.
constexpr double kAngleRounding = 1e-16;

template <int kLevel, class V, int N>
FASTNTK_HD AngleAndArcCosine<Jet<V, N>> angle_and_arc_cosine(Jet<V, N> x) {
  using T = Scalar<V>;
  const V one(T(1)), inverse_pi(T(0.318309886183790672));
  const AngleAndArcCosine<V> plain = angle_and_arc_cosine<kLevel>(x.value);
  const V acute = kLevel == kFolded ? maximum(x.value, negated(x.value)) : x.value;
  const V root = square_root(maximum(neg_mul_add(acute, acute, acute), V(T(0))));
  const V y_slope = inverse_pi / maximum(root, V(static_cast<T>(kAngleRounding)));
  const V z_slope = one - plain.y;
  return {Jet<V, N>::of(plain.y, [&](int i) { return y_slope * x.by[i]; }),
          Jet<V, N>::of(plain.z, [&](int i) { return z_slope * x.by[i]; })};
}

template <class V, int N>
FASTNTK_HD Jet<V, N> twice_arc_sine(Jet<V, N> h) {
  using T = Scalar<V>;
  const V slope = V(T(2)) / square_root(neg_mul_add(h.value, h.value, V(T(1))));
  return Jet<V, N>::of(twice_arc_sine(h.value), [&](int i) { return slope * h.by[i]; });
}

}  // namespace fastntk
