// SPDX-License-Identifier: Apache-2.0
// Arc-cosine kernels of orders 0 to 3 [Cho and Saul 2009, section 2], normalised: kappa_p(1) = 1.
//   pi kappa_0 = pi - theta,                       pi kappa_1 = sin + (pi - theta) cos,
//   3 pi kappa_2 = 3 sin cos + (pi - theta)(1 + 2 cos^2),
//   15 pi kappa_3 = (4 + 11 cos^2) sin + (pi - theta)(9 cos + 6 cos^3).
// kappa_p(c) + (-1)^p kappa_p(-c) is a polynomial of c. What remains beside it is the tail of an
// acute angle,
//   tail_p = kappa_p(-cos theta) / 2 = y^(2p+1) Q_p(y^2),   y = theta / pi,
// which is small where theta is: deficits 1 - kappa_p(c) of near-duplicates and the kernels of nearly
// opposite rows keep their digits. Q_p are minimax polynomials; arc_cosine_polynomials.h states
// their errors.
#pragma once

#include "common/angle.h"
#include "common/arc_cosine_polynomials.h"

namespace fastntk {

template <int kOrder, class V>
FASTNTK_HD V tail_polynomial(V v) {
  if constexpr (std::is_same_v<V, Extended>) {
    return tail_polynomial_extended<kOrder>(v);
  } else {
    using Poly = TailPolynomial<Scalar<V>, kOrder>;
    V sum(Poly::q(Poly::kQDegree));
    FASTNTK_UNROLL
    for (int i = Poly::kQDegree - 1; i >= 0; --i)
      sum = mul_add(sum, v, V(Poly::q(i)));
    return sum;
  }
}

// kappa_p' = kOrderSlope kappa_(p-1), by the cosine.
template <int kOrder>
constexpr double kOrderSlope = kOrder * kOrder / (2.0 * kOrder - 1);

// tail_0 to tail_kOrder of an acute angle.
template <int kOrder, class V>
struct ArcCosineTails {
  V of[kOrder + 1];
};

template <int kOrder, class V>
FASTNTK_HD ArcCosineTails<kOrder, V> arc_cosine_tails(V x) {
  const AcuteAngle<V> angle = acute_angle(x);
  ArcCosineTails<kOrder, V> tails;
  tails.of[0] = V(Scalar<V>(0.5)) * angle.y;
  if constexpr (kOrder >= 1)
    tails.of[1] = angle.cube;
  [[maybe_unused]] const V y2 = angle.y * angle.y;
  if constexpr (kOrder >= 2)
    tails.of[2] = rounded(y2 * y2 * angle.y * tail_polynomial<2>(y2));
  if constexpr (kOrder >= 3)
    tails.of[3] = rounded(y2 * y2 * y2 * angle.y * tail_polynomial<3>(y2));
  return tails;
}

}  // namespace fastntk
