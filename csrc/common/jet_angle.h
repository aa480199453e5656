// SPDX-License-Identifier: Apache-2.0
// The functions of angle.h and arc_cosine.h for jets, by their own derivatives instead of those of the
// polynomials:
//   d(theta / pi) = dx / (pi sqrt(x (1 - x))),   dz = (1 - theta / pi) dx,
//   d tail_p = 2 p^2 / (2p - 1) tail_(p-1) dx,   d(2 asin h) = 2 dh / sqrt(1 - h^2),
//   d(omega - sin omega) = (1 - cos omega) d omega = 2 h^2 d omega.
#pragma once

#include "common/arc_cosine.h"
#include "common/jet.h"

namespace fastntk {

// Of rows that are equal or opposite but for rounding, dx is nothing but rounding, of this size
// squared; so it stays one after its division.
constexpr double kAngleRounding = 1e-16;

// d y / dx of an acute angle or of its supplement.
template <class V>
FASTNTK_HD V angle_slope(V x) {
  using T = Scalar<V>;
  const V inverse_pi(static_cast<T>(0.318309886183790672));
  const V root = square_root(maximum(neg_mul_add(x, x, x), V(T(0))));
  return inverse_pi / maximum(root, V(static_cast<T>(kAngleRounding)));
}

template <int kLevel, class V, int N>
FASTNTK_HD AngleAndArcCosine<Jet<V, N>> angle_and_arc_cosine(Jet<V, N> x) {
  const AngleAndArcCosine<V> plain = angle_and_arc_cosine<kLevel>(x.value);
  const V acute = kLevel == kFolded ? maximum(x.value, negated(x.value)) : x.value;
  const V y_slope = angle_slope(acute);
  const V z_slope = V(Scalar<V>(1)) - plain.y;
  return {Jet<V, N>::of(plain.y, [&](int i) { return y_slope * x.by[i]; }),
          Jet<V, N>::of(plain.z, [&](int i) { return z_slope * x.by[i]; })};
}

template <int kOrder, class V, int N>
FASTNTK_HD ArcCosineTails<kOrder, Jet<V, N>> arc_cosine_tails(Jet<V, N> x) {
  using T = Scalar<V>;
  const ArcCosineTails<kOrder, V> plain = arc_cosine_tails<kOrder>(x.value);
  ArcCosineTails<kOrder, Jet<V, N>> tails;
  const V half_y_slope = V(T(0.5)) * angle_slope(x.value);
  tails.of[0] = Jet<V, N>::of(plain.of[0], [&](int i) { return half_y_slope * x.by[i]; });
  FASTNTK_UNROLL
  for (int p = 1; p <= kOrder; ++p) {
    const V slope = V(T(2 * p * p) / T(2 * p - 1)) * plain.of[p - 1];
    tails.of[p] = Jet<V, N>::of(plain.of[p], [&](int i) { return slope * x.by[i]; });
  }
  return tails;
}

template <int kLevel = kAcute, class V, int N>
FASTNTK_HD Jet<V, N> twice_arc_sine(Jet<V, N> h) {
  using T = Scalar<V>;
  const V slope = V(T(2)) / square_root(neg_mul_add(h.value, h.value, V(T(1))));
  return Jet<V, N>::of(twice_arc_sine<kLevel>(h.value), [&](int i) { return slope * h.by[i]; });
}

template <class V, int N>
FASTNTK_HD AngleAndExcess<Jet<V, N>> angle_and_excess(Jet<V, N> h) {
  using T = Scalar<V>;
  const AngleAndExcess<V> plain = angle_and_excess(h.value);
  const V slope = V(T(2)) / square_root(neg_mul_add(h.value, h.value, V(T(1))));
  const V excess_slope = slope * V(T(2)) * h.value * h.value;
  return {Jet<V, N>::of(plain.angle, [&](int i) { return slope * h.by[i]; }),
          Jet<V, N>::of(plain.excess, [&](int i) { return excess_slope * h.by[i]; })};
}

}  // namespace fastntk
