// SPDX-License-Identifier: Apache-2.0
// What an activation f is to the limiting recursion: two functions.
//
// Row step, from the variance q of a preactivation u ~ N(0, q); once per row and layer, so in
// double for float pairs, and for double ones with more digits (Extended, or WideDouble):
//   second_moment = E[f(u)^2],  slope = E[f'(u)^2] q / E[f(u)^2],
//   and up to kMaxRowScalars numbers for the pair step.
// Pair step, from the deficit x of a pair of rows and their scalars, with (u, v) ~ N(0, Sigma) and
// A = E[f(u)^2], A' = E[f(v)^2]:
//   deficit = (1 - E[f(u) f(v)] / sqrt(A A')) / 2,
//   slope = E[f'(u) f'(v)] sqrt(q q' / (A A')).
// Both also run on jets (common/jet.h), whose derivatives they carry along.
// For a finite network it is two more: value(u) = f(u) and slope(u) = f'(u), elementwise, within two
// units in the last place. A NaN stays one in the value.
// Nothing here knows weights, biases or depth: common/layer.h mixes those in. A new activation is a
// header beside this one and a line in common/activations.h.
#pragma once

#include "common/angle.h"

namespace fastntk {

constexpr int kMaxRowScalars = 32;

template <class Real>
struct RowDual {
  Real second_moment;
  Real slope;
  Real scalars[kMaxRowScalars];
};

template <class Real>
struct RowMoments {
  Real second_moment;
  Real slope;
};

template <class V>
struct PairDual {
  V deficit;
  V slope;
};

// The same with the deficit in folded form (kFolded), of activations whose dual may be as negative as
// -1: opposite rows may stay opposite, and a kink behind takes the root of their small supplement.
template <class V>
struct FoldedDual {
  V deficit;
  V slope;
};

template <class V>
FASTNTK_HD PairDual<V> plain_dual(PairDual<V> dual) {
  return dual;
}
template <class V>
FASTNTK_HD PairDual<V> plain_dual(FoldedDual<V> dual) {
  return {unfold(dual.deficit), dual.slope};
}

}  // namespace fastntk
