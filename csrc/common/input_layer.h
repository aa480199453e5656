// SPDX-License-Identifier: Apache-2.0
// The first layer: from inner products or distances of the data to the deficit x of the first
// preactivations.
//
//   Sigma_1 = s (x . x' + B),  s = weight_std^2 scale^2 / n0,  B = bias_std^2 / s
//
// and r = sqrt(|x|^2 + B) per row. For integer data D = |x - x'|^2 is exact, r is carried as hi +
// lo, and of two formulas each pair takes the one that loses fewer digits:
//   x = (D - (r - r')^2) / (4 r r')            an error of a rounding of D / (4 r r')
//   x = 1/2 - (x . x' + B) / (2 r r')          an error of a rounding of (1 - 2 x) / 2
// Where both lose too many (nearly proportional rows of different norms) the integers are asked
// again:
//   x = ((n n' - dot^2) + B D) / (2 g (g + h)),  g = sqrt((n + B)(n' + B)),  h = dot + B.
// Other data take the second formula from the inner product of scaled rows; close pairs, where that
// forgets, are measured directly, and nearly opposite ones with a plus sign and as x - 1 (kFolded):
//   4 x = sum_k (x_k / r - x'_k / r')^2 + (v - v')^2,  v = bias_std / sqrt(q).
#pragma once

#include "common/angle.h"

namespace fastntk {

template <class V>
struct RowRadius {
  V hi;
  V lo;
  V half_inverse;  // 1 / (2 r)
};

template <class V>
struct IntegerDeficit {
  V x;
  V spread;  // D / (4 r r'): the error of x is a rounding of the lesser of this and 1/2
};

template <class V>
FASTNTK_HD IntegerDeficit<V> integer_deficit(V distance, V dot, V bias_term, RowRadius<V> a,
                                             RowRadius<V> b) {
  using T = Scalar<V>;
  const V scale = a.half_inverse * b.half_inverse;
  const V gap = (a.hi - b.hi) + (a.lo - b.lo);
  const V from_distance = maximum(neg_mul_add(gap, gap, distance) * scale, V(T(0)));
  const V from_product = neg_mul_add(dot + bias_term, scale + scale, V(T(0.5)));
  const V spread = distance * scale;
  return {select(less(V(T(0.5)), from_distance + spread), from_product, from_distance), spread};
}

// Negative where the error of x, a rounding of the lesser of spread and 1/2, matters: it enters
// Theta divided by sqrt(x), so it may be as large as a rounding of sqrt(x). share <= 1 of x is
// counted.
template <class V>
FASTNTK_HD V integer_deficit_margin(IntegerDeficit<V> deficit, V share) {
  const V lost = minimum(deficit.spread, V(Scalar<V>(0.5)));
  return neg_mul_add(lost, lost, share * deficit.x);
}

// p = scale of the row over r, v = bias_std / sqrt(q).
template <class V>
FASTNTK_HD V deficit_from_product(V dot, V p_product, V v_product) {
  using T = Scalar<V>;
  const V cosine = mul_add(p_product, dot, rounded(v_product));
  return minimum(maximum(neg_mul_add(V(T(0.5)), cosine, V(T(0.5))), V(T(0))), V(T(1)));
}

// The same in folded form; exactly opposite rows stay on the obtuse side.
template <class V>
FASTNTK_HD V folded_deficit_from_product(V dot, V p_product, V v_product) {
  using T = Scalar<V>;
  const V half(T(0.5)), tiny(T(1e-37));
  const V cosine = mul_add(p_product, dot, rounded(v_product));
  const V acute = maximum(neg_mul_add(half, cosine, half), V(T(0)));
  const V obtuse = negated(maximum(mul_add(half, cosine, half), tiny));
  return select(less(cosine, V(T(0))), obtuse, acute);
}

#ifndef __SIZEOF_INT128__
#error "deficit_from_integers needs 128-bit integers"
#endif

FASTNTK_HD double deficit_from_integers(long long norm_a, long long norm_b, long long dot,
                                        double bias_term) {
  const __int128 wedge = static_cast<__int128>(norm_a) * norm_b - static_cast<__int128>(dot) * dot;
  const double distance = static_cast<double>(norm_a + norm_b - 2 * dot);
  const double g = std::sqrt((norm_a + bias_term) * (norm_b + bias_term));
  if (g == 0)
    return 0;  // a zero row without bias: its kernel is 0 whatever the angle
  const double h = dot + bias_term;
  return (static_cast<double>(wedge) + bias_term * distance) / (2 * g * (g + h));
}

}  // namespace fastntk
