// SPDX-License-Identifier: Apache-2.0
// The first layer: from inner products or distances of the data to the deficit x of the first
// preactivations.
//
//   Sigma_1 = s (x . x' + B),  s = weight_std^2 scale^2 / n0,  B = bias_std^2 / s
//
// and r = sqrt(|x|^2 + B) per row. For integer data D = |x - x'|^2 is exact, r is carried as hi +
// lo, and
//   x = (D - (r - r')^2) / (4 r r')            errs by a rounding of D / (4 r r').
// Where that is too much, rows of very different norms take the better of it and
//   x = 1/2 - (x . x' + B) / (2 r r')          which errs by a rounding of (1 - 2 x) / 2,
// and nearly proportional ones ask the integers again:
//   x = ((n n' - dot^2) + B D) / (2 g (g + h)),  g = sqrt((n + B)(n' + B)),  h = dot + B.
// Other data take the second formula from the inner product of scaled rows; close pairs, where that
// forgets, are measured directly, and nearly opposite ones with a plus sign and as x - 1 (kFolded):
//   4 x = sum_k (x_k / r - x'_k / r')^2 + (v - v')^2,  v = bias_std / sqrt(q).
#pragma once

#include "common/angle.h"

namespace fastntk {

// The constants of the layer: Sigma_1 = s (x . x' + B).
struct InputLayer {
  double s;           // weight_std^2 / n0, times scale^2 for integer data
  double data_scale;  // what multiplies the data beside that: 1 for integers, else scale
  double bias_std;
  FASTNTK_HD double bias_term() const { return bias_std * bias_std / s; }  // B
};

template <class V>
struct RowRadius {
  V hi;
  V lo;
  V half_inverse;  // 1 / (2 r)
};

// x = (D - (r - r')^2) / (4 r r')
template <class V>
FASTNTK_HD V deficit_from_distance(V distance, RowRadius<V> a, RowRadius<V> b) {
  const V gap = (a.hi - b.hi) + (a.lo - b.lo);
  const V scale = a.half_inverse * b.half_inverse;
  return maximum(neg_mul_add(gap, gap, distance) * scale, V(Scalar<V>(0)));
}

// The error of x is a rounding of lost = D / (4 r r'), and enters Theta divided by sqrt(x): with h
// hidden layers lost^2 <= admitted x adds h sqrt(admitted) / (2 pi) roundings, here below three.
// Far from small angles lost <= 1 adds as many. Theta of one or two layers falls off so steeply at
// a right angle that nothing is admitted.
FASTNTK_HD double admitted_loss(int hidden_layers) {
  if (hidden_layers < 3)
    return 0;
  const double root = 16.0 / hidden_layers;
  return root * root < 8 ? root * root : 8;
}

// Below it the distance formula may lose too much between rows whose radii are up to `ratio` times
// one another: lost = x + (r - r')^2 / (4 r r'). Above it and up to a right angle it does not.
FASTNTK_HD double doubtful_deficit(double ratio, double admitted) {
  constexpr double kSlack = 1.001;  // for the rounding of what is compared with it
  const double gap = kSlack * (ratio + 1 / ratio - 2) / 4;
  const double most = 0.5 + gap;
  if (!(most <= 1 && most * most <= 0.5 * admitted))
    return 1;
  const double middle = admitted / 2 - gap;
  return gap * gap / (middle + std::sqrt(middle * middle - gap * gap));
}

// The deficit of any pair of integer rows: negative where only deficit_from_integers has it.
template <class V>
FASTNTK_HD V careful_integer_deficit(V distance, V dot, V bias_term, V admitted, RowRadius<V> a,
                                     RowRadius<V> b) {
  using T = Scalar<V>;
  const V half(T(0.5));
  const V scale = a.half_inverse * b.half_inverse;
  const V spread = distance * scale;
  const V from_distance = deficit_from_distance(distance, a, b);
  const V from_product = neg_mul_add(dot + bias_term, scale + scale, half);
  const V better = select(less(half, from_distance + spread), from_product, from_distance);
  const V lost = minimum(spread, half);
  const V checked = select(less(better, lost * lost), V(T(-1)), better);
  const V once = select(less(V(T(1)), spread), checked, from_distance);
  return select(less(admitted * from_distance, spread * spread), checked, once);
}

// Of non-negative data: p = scale of the row over r, v = bias_std / sqrt(q).
template <class V>
FASTNTK_HD V deficit_from_product(V dot, V p_product, V v_product) {
  using T = Scalar<V>;
  const V cosine = mul_add(p_product, dot, rounded(v_product));
  return maximum(neg_mul_add(V(T(0.5)), cosine, V(T(0.5))), V(T(0)));
}

// The same for data of both signs, in folded form; exactly opposite rows stay on the obtuse side.
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
