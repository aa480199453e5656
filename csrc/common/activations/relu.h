// SPDX-License-Identifier: Apache-2.0
// f(u) = max(u, 0): the arc-cosine kernels of order one and zero [Cho and Saul 2009].
//   E[f(u) f(v)] = sqrt(q q') / 2 kappa_1,   E[f'(u) f'(v)] = (1 - theta / pi) / 2.
#pragma once

#include "common/activations/activation.h"

namespace fastntk {

struct Relu {
  static constexpr const char* kName = "relu";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 0;
  static constexpr bool kUsesAngleLevels = true;

  FASTNTK_HD explicit Relu(const double*) {}

  FASTNTK_HD static double square_at_zero() { return 0; }
  FASTNTK_HD static bool dual_is_non_negative() { return true; }

  template <class T>
  FASTNTK_HD static T value(T u) {
    return u < 0 ? T(0) : u;
  }
  // 0 at the kink.
  template <class T>
  FASTNTK_HD static T slope(T u) {
    return u > 0 ? T(1) : T(0);
  }

  template <class Real>
  FASTNTK_HD static RowDual<Real> row_step(Real q) {
    return {q / 2, Real(1), {}};
  }

  template <int kLevel, class V>
  FASTNTK_HD static PairDual<V> pair_step(V x, const V*, const V*) {
    const AngleAndArcCosine<V> angle = angle_and_arc_cosine<kLevel>(x);
    return {angle.z, V(Scalar<V>(1)) - angle.y};
  }
};

}  // namespace fastntk
