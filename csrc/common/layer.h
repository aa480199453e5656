// SPDX-License-Identifier: Apache-2.0
// One layer of the limiting recursion [Jacot, Gabriel and Hongler 2018, Proposition 1 and Theorem
// 1] for a pair of rows.
//
// State: x = (1 - cos theta) / 2 of the preactivations, t = Theta / sqrt(q q'). With the
// activation's dual (deficit z, slope d),
//   w = weight_std sqrt(A / q+),  v = bias_std / sqrt(q+),  w^2 + v^2 = 1 per row:
//   x+ = w w' z + ((w - w')^2 + (v - v')^2) / 4
//   t+ = w w' d t + alpha (1 - 2 x+) + delta v v'
// alpha and delta say what of the new layer is trained: (1, 0) all of it, (0, 0) nothing. All
// layers trained is the NTK; the last layer alone is the NNGP; one layer alone is its contribution;
// weights of variance s^2 instead of a scaled forward map are alpha = 1 / s^2, delta = 1 - alpha.
#pragma once

#include "common/activations/activation.h"

namespace fastntk {

template <class V>
struct AngleState {
  V x;
  V t;
};

template <class V>
struct MixingScalars {
  V w;
  V v;
};

template <class V>
FASTNTK_HD V trained_part(V alpha, V delta, V x, V v_product) {
  return mul_add(delta, v_product, neg_mul_add(alpha + alpha, x, alpha));
}

template <class V>
FASTNTK_HD AngleState<V> mix(PairDual<V> dual, V t, MixingScalars<V> a, MixingScalars<V> b, V alpha,
                             V delta) {
  const V w2 = a.w * b.w;
  const V dw = a.w - b.w;
  const V dv = a.v - b.v;
  const V x = mul_add(w2, dual.deficit, V(Scalar<V>(0.25)) * mul_add(dw, dw, dv * dv));
  return {x, mul_add(w2 * dual.slope, t, trained_part(alpha, delta, x, a.v * b.v))};
}

// The same where w and v are one number each for all rows: bias_std = 0, or rows of equal norm.
template <class V>
FASTNTK_HD AngleState<V> mix_equal(PairDual<V> dual, V t, MixingScalars<V> all, V alpha, V delta) {
  const V w2 = all.w * all.w;
  const V x = w2 * dual.deficit;
  return {x, mul_add(w2 * dual.slope, t, trained_part(alpha, delta, x, all.v * all.v))};
}

}  // namespace fastntk
