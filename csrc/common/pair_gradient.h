// SPDX-License-Identifier: Apache-2.0
// Where the recursion of a pair of rows starts and ends on jets; its layers are those of layer.h.
//
// The angle between the data does not depend on the parameters: of the first deficit x the mixing
// gap does, and the rest, w w' (1 - cos of the data) / 2, is proportional to w w':
//   dx = (d log w + d log w') (x - gap) + d gap.
#pragma once

#include "common/jet_angle.h"
#include "common/layer.h"
#include "common/row_gradient.h"

namespace fastntk {

// x: folded or not. log_w[N]: the sum of d log w of both rows.
template <class V, int N>
FASTNTK_HD Jet<V, N> first_deficit(V x, MixingScalars<Jet<V, N>> a, MixingScalars<Jet<V, N>> b,
                                   const V* log_w) {
  const Jet<V, N> gap = mixing_gap(a, b);
  const V rest = unfold(x) - gap.value;
  return Jet<V, N>::of(x, [&](int i) { return mul_add(log_w[i], rest, gap.by[i]); });
}

// The kernel Theta = t sqrt(q q'), or Sigma = (1 - 2 x) sqrt(q q'), behind at least one activation.
// scale: sqrt(q q'); log_scale[N]: the derivatives of its logarithm.
template <class V, int N>
FASTNTK_HD Jet<V, N> kernel_of(AngleState<Jet<V, N>> state, bool nngp, V scale,
                               const V* log_scale) {
  using J = Jet<V, N>;
  const J one(Scalar<V>(1)), two(Scalar<V>(2));
  const J t = nngp ? neg_mul_add(two, unfold(state.x), one) : state.t;
  return J::of(t.value * scale,
               [&](int i) { return mul_add(t.value, log_scale[i], t.by[i]) * scale; });
}

}  // namespace fastntk
