// SPDX-License-Identifier: Apache-2.0
// The first layer: from inner products or distances of the data to the deficit x of the first
// preactivations.
//
// Sigma_1 = s (x . x' + B),  s = weight_std^2 scale^2 / n0,  B = bias_std^2 / s,  r = sqrt(|x|^2 +
// B) per row. Integer data: D = |x - x'|^2 is exact and x = (D - (r - r')^2) / (4 r r'); r is
// carried as hi + lo. Where the difference loses digits (proportional rows) the integers are asked
// again:
//   x = ((n n' - dot^2) + B D) / (2 g (g + h)),  g = sqrt((n + B)(n' + B)),  h = dot + B.
// Other data: x = (1 - cos) / 2 from the inner product of scaled rows; for close pairs, where that
// forgets, directly
//   4 x = sum_k (x_k / r - x'_k / r')^2 + B (1 / r - 1 / r')^2.
#pragma once

#include "common/scalar_math.h"

namespace fastntk {

// A deficit whose numerator kept less than this share of D is recomputed from the exact integers.
constexpr double kKeptShare = 1.0 / 16;

template <class V>
struct RowRadius {
  V hi;
  V lo;
  V half_inverse;  // 1 / (2 r)
};

// Numerator of 4 r r' x.
template <class V>
FASTNTK_HD V deficit_numerator(V distance, RowRadius<V> a, RowRadius<V> b) {
  const V gap = (a.hi - b.hi) + (a.lo - b.lo);
  return neg_mul_add(gap, gap, distance);
}

template <class V>
FASTNTK_HD V deficit_from_distance(V numerator, RowRadius<V> a, RowRadius<V> b) {
  return maximum(numerator * (a.half_inverse * b.half_inverse), V(Scalar<V>(0)));
}

// p = scale of the row over r, v = bias_std / sqrt(q).
template <class V>
FASTNTK_HD V deficit_from_product(V dot, V p_product, V v_product) {
  using T = Scalar<V>;
  const V cosine = mul_add(p_product, dot, v_product);
  return minimum(maximum(neg_mul_add(V(T(0.5)), cosine, V(T(0.5))), V(T(0))), V(T(1)));
}

#ifdef __SIZEOF_INT128__
inline double deficit_from_integers(long long norm_a, long long norm_b, long long dot,
                                    double bias_term) {
  const __int128 wedge = static_cast<__int128>(norm_a) * norm_b - static_cast<__int128>(dot) * dot;
  const double distance = static_cast<double>(norm_a + norm_b - 2 * dot);
  const double g = std::sqrt((norm_a + bias_term) * (norm_b + bias_term));
  if (g == 0)
    return 0;  // a zero row without bias: its kernel is 0 whatever the angle
  const double h = dot + bias_term;
  return (static_cast<double>(wedge) + bias_term * distance) / (2 * g * (g + h));
}
#endif

}  // namespace fastntk
