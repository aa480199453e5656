// SPDX-License-Identifier: Apache-2.0
// f(u) = max(u, 0)^p, p = 2 or 3: the arc-cosine kernels of order p [Cho and Saul 2009].
//   E[f(u) f(v)] = (q q')^(p/2) (2p - 1)!! / 2 kappa_p,   E[f'(u) f'(v)] = p^2 times that of p - 1;
//   slope d = p^2 / (2p - 1) kappa_(p-1), the derivative of kappa_p.
// Deficits are the polynomial part of kappa_p, which has the factor x, and the tail of arc_cosine.h:
//   p = 2:  z = 4/3 x (1 - x) + T_2,                  p = 3:  z = x (9 - 12 x + 8 x^2) / 5 - T_3;
// of obtuse angles z = 1/2 - T_p. A ~ q^p grows with depth: float values and rows of deep networks
// may overflow, to infinity.
#pragma once

#include "common/activations/activation.h"
#include "common/arc_cosine.h"

namespace fastntk {

template <int kPower>
struct ReluPower {
  static_assert(kPower == 2 || kPower == 3);
  static constexpr const char* kName = kPower == 2 ? "relu_squared" : "relu_cubed";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 0;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD explicit ReluPower(const double*) {}

  FASTNTK_HD double square_at_zero() const { return 0; }
  bool dual_is_non_negative() const { return true; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    const T part = u < 0 ? T(0) : u;
    return kPower == 2 ? part * part : part * part * part;
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    const T part = u > 0 ? u : T(0);
    return kPower == 2 ? 2 * part : 3 * part * part;
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    const Real slope = Real(double(kPower * kPower)) / (2 * kPower - 1);
    if constexpr (kPower == 2)
      return {Real(1.5) * q * q, slope, {}};
    else
      return {Real(7.5) * q * q * q, slope, {}};
  }

  template <int kLevel, class V>
  FASTNTK_HD PairDual<V> pair_step(V x, const V*, const V*) const {
    using T = Scalar<V>;
    const V one(T(1)), two(T(2)), half(T(0.5));
    const V steepness(T(kPower * kPower) / T(2 * kPower - 1));
    const auto obtuse = is_obtuse<kLevel>(x);
    const V acute = acute_deficit<kLevel>(x);
    const ArcCosineTails<kPower, V> tails = arc_cosine_tails<kPower>(acute);
    const V tail = tails.of[kPower], lower = two * tails.of[kPower - 1];
    V deficit, kernel;  // of acute angles: z, and kappa_(p-1)
    if constexpr (kPower == 2) {
      deficit = mul_add(V(T(4) / T(3)) * acute, one - acute, tail);
      kernel = neg_mul_add(two, acute, one) + lower;
    } else {
      const V inner = mul_add(mul_add(V(T(8)), acute, V(T(-12))), acute, V(T(9)));
      deficit = V(T(1) / T(5)) * acute * inner - tail;
      kernel = neg_mul_add(V(T(8) / T(3)) * acute, one - acute, one) - lower;
    }
    return {select(obtuse, half - tail, deficit), steepness * select(obtuse, lower, kernel)};
  }
};

using ReluSquared = ReluPower<2>;
using ReluCubed = ReluPower<3>;

}  // namespace fastntk
