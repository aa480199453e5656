// SPDX-License-Identifier: Apache-2.0
// One layer of the limiting recursion for a pair of rows [Jacot, Gabriel and Hongler 2018,
// Proposition 1 and Theorem 1].
//
// State: x = (1 - cos theta) / 2 of the preactivations, t = Theta / sqrt(q q'). With the
// activation's dual (deficit z, slope d),
//   w = weight_std sqrt(A / q+),  v = bias_std / sqrt(q+),  w^2 + v^2 = 1 per row:
//   x+ = w w' z + ((w - w')^2 + (v - v')^2) / 4
//   t+ = w w' (d t + a (1 - 2 z)) + b v v'
// The shares a and b say what of the new layer is trained, weights and biases: (1, 1) all of it,
// (0, 0) nothing. All layers trained is the NTK; the last layer alone is the NNGP; one layer alone
// is its contribution; weights of variance s^2 instead of a scaled forward map are (1 / s^2, 1).
//
// Of two products that are added, the second is rounded first: a pair and its transpose agree to the
// bit only if compilers fuse the same one everywhere.
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
struct Shares {
  V weights;
  V biases;
};

// Shares of 1, which the NTK has in every layer: fewer operations.
struct AllTrained {};

// Of what separates two rows, the part that mixing adds: ((w - w')^2 + (v - v')^2) / 4.
template <class V>
FASTNTK_HD V mixing_gap(MixingScalars<V> a, MixingScalars<V> b) {
  const V dw = a.w - b.w;
  const V dv = a.v - b.v;
  return rounded(V(Scalar<V>(0.25)) * mul_add(dw, dw, rounded(dv * dv)));
}

// t of the first layer. Its weights' part 1 - 2 x - v v' is w w' + 2 gap - 2 x: no difference of
// nearly equal numbers where biases dominate.
template <class V>
FASTNTK_HD V first_layer(V x, MixingScalars<V> a, MixingScalars<V> b, Shares<V> shares) {
  const V two(Scalar<V>(2));
  const V weights_part = mul_add(a.w, b.w, rounded(two * (mixing_gap(a, b) - x)));
  return mul_add(shares.weights, weights_part, rounded(shares.biases * (a.v * b.v)));
}

template <class V>
FASTNTK_HD V first_layer(V x, MixingScalars<V>, MixingScalars<V>, AllTrained) {
  return neg_mul_add(V(Scalar<V>(2)), x, V(Scalar<V>(1)));
}

// t+ of the layer whose mixing gave x_next.
template <class V>
FASTNTK_HD V layer_sum(PairDual<V> dual, V t, V w_product, V v_product, V, Shares<V> shares) {
  const V two_weights = shares.weights + shares.weights;
  const V own = neg_mul_add(two_weights, dual.deficit, shares.weights);
  return mul_add(w_product, mul_add(dual.slope, t, own), rounded(shares.biases * v_product));
}

// Where all of it is trained: w w' (1 - 2 z) + v v' is 1 - 2 x+.
template <class V>
FASTNTK_HD V layer_sum(PairDual<V> dual, V t, V w_product, V, V x_next, AllTrained) {
  return mul_add(w_product * dual.slope, t, neg_mul_add(V(Scalar<V>(2)), x_next, V(Scalar<V>(1))));
}

// SharesOrAll: Shares<V>, or AllTrained.
template <class V, class SharesOrAll>
FASTNTK_HD AngleState<V> mix(PairDual<V> dual, V t, MixingScalars<V> a, MixingScalars<V> b,
                             SharesOrAll shares) {
  const V w_product = a.w * b.w;
  const V x = mul_add(w_product, dual.deficit, mixing_gap(a, b));
  return {x, layer_sum(dual, t, w_product, a.v * b.v, x, shares)};
}

// The same where w and v are one number each for all rows: bias_std = 0, or rows of equal norm.
template <class V, class SharesOrAll>
FASTNTK_HD AngleState<V> mix_equal(PairDual<V> dual, V t, MixingScalars<V> all,
                                   SharesOrAll shares) {
  const V w_product = all.w * all.w;
  const V x = w_product * dual.deficit;
  return {x, layer_sum(dual, t, w_product, all.v * all.v, x, shares)};
}

template <class V>
FASTNTK_HD Shares<V> as_shares(Shares<V> shares) {
  return shares;
}
template <class V>
FASTNTK_HD Shares<V> as_shares(AllTrained) {
  return {V(Scalar<V>(1)), V(Scalar<V>(1))};
}

// Behind a folded dual x is folded, too. With c = -1 + 2 u the supplement of x+ is
//   1 - x+ = w w' u + ((w - w')^2 + (v + v')^2) / 4.
template <class V>
FASTNTK_HD V folded_mix(V folded, V x, V w_product, V opposite_gap) {
  const V supplement = neg_mul_add(w_product, folded, opposite_gap);
  return select(less(folded, V(Scalar<V>(0))), fold(x, supplement), x);
}

template <class V, class SharesOrAll>
FASTNTK_HD AngleState<V> mix(FoldedDual<V> dual, V t, MixingScalars<V> a, MixingScalars<V> b,
                             SharesOrAll shares) {
  const AngleState<V> plain = mix(plain_dual(dual), t, a, b, shares);
  const V opposite_gap = mixing_gap(a, b) + rounded(a.v * b.v);
  return {folded_mix(dual.deficit, plain.x, a.w * b.w, opposite_gap), plain.t};
}

template <class V, class SharesOrAll>
FASTNTK_HD AngleState<V> mix_equal(FoldedDual<V> dual, V t, MixingScalars<V> all,
                                   SharesOrAll shares) {
  const AngleState<V> plain = mix_equal(plain_dual(dual), t, all, shares);
  return {folded_mix(dual.deficit, plain.x, all.w * all.w, rounded(all.v * all.v)), plain.t};
}

// The same for duals of both kinds: x+ is folded.
template <class V, class SharesOrAll>
FASTNTK_HD AngleState<V> mix_folded(FoldedDual<V> dual, V t, MixingScalars<V> a, MixingScalars<V> b,
                                    SharesOrAll shares) {
  return mix(dual, t, a, b, shares);
}
template <class V, class SharesOrAll>
FASTNTK_HD AngleState<V> mix_folded(PairDual<V> dual, V t, MixingScalars<V> a, MixingScalars<V> b,
                                    SharesOrAll shares) {
  const AngleState<V> plain = mix(dual, t, a, b, shares);
  return {fold(plain.x, V(Scalar<V>(1)) - plain.x), plain.t};
}

// x, folded or not, and 1 - x, each with its digits where the other is nearly 1.
template <class V>
struct BothDeficits {
  V own;
  V rest;
};
template <class V>
FASTNTK_HD BothDeficits<V> both_deficits(V folded) {
  const V zero(Scalar<V>(0)), one(Scalar<V>(1));
  return {unfold(folded), select(less(folded, zero), negated(folded), one - folded)};
}

// A skip connection adds the preactivations before the layer, times a number. With r^2 their part of
// the new variance, w^2 + v^2 + r^2 = 1 per row:
//   x+ = w w' z + r r' x + ((w - w')^2 + (v - v')^2 + (r - r')^2) / 4,
//   1 - x+ = w w' (1 - z) + r r' (1 - x) + ((w - w')^2 + (v + v')^2 + (r - r')^2) / 4,
//   t+ = (what the layer gives) + r r' t.
// x is folded, before and after.
template <class Dual, class V>
FASTNTK_HD AngleState<V> mix_with_skip(Dual dual, AngleState<V> before, MixingScalars<V> a,
                                       MixingScalars<V> b, V r, V r_other, Shares<V> shares) {
  const V w_product = a.w * b.w, r_product = r * r_other, apart = r - r_other;
  const V gap = rounded(V(Scalar<V>(0.25)) * rounded(apart * apart));
  const BothDeficits<V> of_dual = both_deficits(dual.deficit), of_skip = both_deficits(before.x);
  const V own = mul_add(r_product, of_skip.own, gap + mixing_gap(a, b));
  const V rest = mul_add(r_product, of_skip.rest, gap + mixing_gap(a, {b.w, negated(b.v)}));
  const V x = mul_add(w_product, of_dual.own, own);
  const V layer =
      layer_sum(PairDual<V>{of_dual.own, dual.slope}, before.t, w_product, a.v * b.v, x, shares);
  return {fold(x, mul_add(w_product, of_dual.rest, rest)), mul_add(r_product, before.t, layer)};
}

}  // namespace fastntk
