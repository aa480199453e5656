// SPDX-License-Identifier: Apache-2.0
// f(u) = 1 where u > 0 and 0 elsewhere, and f(u) = sign(u): the arc-cosine kernel of order zero
// [Cho and Saul 2009], and twice it less one.
//   E[f(u) f(v)] = (1 - theta / pi) / 2,   1 - 2 theta / pi:   z = theta / (2 pi),   theta / pi.
// The derivative is a delta function, whose dual is infinite at theta = 0: they have an NNGP, and no
// NTK. Python refuses that of networks with them; slopes are 0 here, which the NNGP does not read.
// z ~ sqrt x: behind them no two rows are close that were not nearly the same.
#pragma once

#include "common/activations/activation.h"
#include "common/arc_cosine.h"

namespace fastntk {

struct Step {
  static constexpr const char* kName = "step";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 0;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = false;

  FASTNTK_HD explicit Step(const double*) {}

  FASTNTK_HD double square_at_zero() const { return 0; }
  bool dual_is_non_negative() const { return true; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    return u > 0 ? T(1) : u <= 0 ? T(0) : u;
  }
  template <class T>
  FASTNTK_HD T slope(T) const {
    return 0;
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real) const {
    return {Real(0.5), Real(0.0), {}};
  }

  template <int kLevel, class V>
  FASTNTK_HD PairDual<V> pair_step(V x, const V*, const V*) const {
    const V half(Scalar<V>(0.5));
    const V tail = arc_cosine_tails<0>(acute_deficit<kLevel>(x)).of[0];
    return {select(is_obtuse<kLevel>(x), half - tail, tail), V(Scalar<V>(0))};
  }
};

struct Sign {
  static constexpr const char* kName = "sign";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = 0;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = false;

  FASTNTK_HD explicit Sign(const double*) {}

  FASTNTK_HD double square_at_zero() const { return 0; }
  bool dual_is_non_negative() const { return false; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    return u > 0 ? T(1) : u < 0 ? T(-1) : u;
  }
  template <class T>
  FASTNTK_HD T slope(T) const {
    return 0;
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real) const {
    return {Real(1.0), Real(0.0), {}};
  }

  template <int kLevel, class V>
  FASTNTK_HD FoldedDual<V> pair_step(V x, const V*, const V*) const {
    using T = Scalar<V>;
    const V tail = arc_cosine_tails<0>(acute_deficit<kLevel>(x)).of[0];
    const V angle = tail + tail;
    const V obtuse = V(static_cast<T>(-kOpposite)) - angle;
    return {select(is_obtuse<kLevel>(x), obtuse, angle), V(T(0))};
  }
};

}  // namespace fastntk
