// SPDX-License-Identifier: Apache-2.0
// Angles between preactivations, carried as the deficit x = (1 - cos theta) / 2.
//
// cos theta itself forgets near-duplicates: theta ~ sqrt(2 (1 - cos theta)), so a float keeps half
// its digits. The deficit keeps all of them, and theta = 2 asin(sqrt x). Two polynomials carry both
// functions that the ReLU dual needs:
//   y = theta / pi = sqrt(x) P(x)             z = (1 - kappa_1) / 2 = x - y^3 Q(y^2)
// with kappa_1 = (sin theta + (pi - theta) cos theta) / pi, the arc-cosine kernel of order one
// [Cho and Saul 2009]. P's relative error is below 2^-25 (float) and 2^-54 (double);
// angle_polynomials.h states each.
#pragma once

#include <type_traits>

#include "common/angle_extended.h"
#include "common/angle_polynomials.h"
#include "common/scalar_math.h"

namespace fastntk {

// What is known of cos theta: nothing; or that it is at least 0, kappa_1(0), kappa_1(kappa_1(0)) or
// one layer more. kFolded knows nothing either, but obtuse angles are stored as x - 1 < 0, which
// keeps the digits of nearly opposite rows; so are the deficits of signed data.
enum AngleLevel : int {
  kFolded = -2,
  kAnyAngle = -1,
  kAcute = 0,
  kSecondLayer = 1,
  kThirdLayer = 2,
  kDeeper = 3
};

template <class V>
FASTNTK_HD V negated(V x) {
  return V(Scalar<V>(0)) - x;
}

// Keeps exactly opposite rows on the obtuse side.
constexpr double kOpposite = 1e-37;

// x from its folded form.
template <class V>
FASTNTK_HD V unfold(V x) {
  return select(less(x, V(Scalar<V>(0))), x + V(Scalar<V>(1)), x);
}

// Whether the angle of a deficit, folded or plain, is obtuse; and the deficit of the acute one of it
// and its supplement. A plain deficit of 1 is that of opposite rows, and rounding may exceed it.
template <int kLevel, class V>
FASTNTK_HD auto is_obtuse(V x) {
  if constexpr (kLevel == kFolded)
    return less(x, V(Scalar<V>(0)));
  else
    return less(V(Scalar<V>(0.5)), x);
}
template <int kLevel, class V>
FASTNTK_HD V acute_deficit(V x) {
  const V zero(Scalar<V>(0)), one(Scalar<V>(1));
  const V supplement = kLevel == kFolded ? negated(x) : maximum(zero, one - x);
  return select(is_obtuse<kLevel>(x), supplement, x);
}

// The folded form of x, whose supplement 1 - x is known with its own digits.
template <class V>
FASTNTK_HD V fold(V x, V supplement) {
  using T = Scalar<V>;
  const V obtuse = V(static_cast<T>(-kOpposite)) - maximum(V(T(0)), supplement);
  return select(less(V(T(0.5)), x), obtuse, x);
}

template <class V>
struct AngleAndArcCosine {
  V y;  // theta / pi
  V z;  // deficit after one ReLU layer, (1 - kappa_1) / 2
};

template <int kLevel, class V>
FASTNTK_HD V angle_polynomial(V x) {
  if constexpr (std::is_same_v<V, Extended>) {
    return angle_polynomial_extended(x);
  } else {
    using Poly = AnglePolynomials<Scalar<V>, kLevel>;
    V sum(Poly::p(Poly::kPDegree));
    FASTNTK_UNROLL
    for (int i = Poly::kPDegree - 1; i >= 0; --i)
      sum = mul_add(sum, x, V(Poly::p(i)));
    return sum;
  }
}

template <int kLevel, class V>
FASTNTK_HD V arc_cosine_polynomial(V v) {
  if constexpr (std::is_same_v<V, Extended>) {
    return arc_cosine_polynomial_extended(v);
  } else {
    using Poly = AnglePolynomials<Scalar<V>, kLevel>;
    V sum(Poly::q(Poly::kQDegree));
    FASTNTK_UNROLL
    for (int i = Poly::kQDegree - 1; i >= 0; --i)
      sum = mul_add(sum, v, V(Poly::q(i)));
    return sum;
  }
}

// 2 asin(h) of |h| <= sqrt(1/2), or of what the deficits h^2 of a level allow.
template <int kLevel = kAcute, class V>
FASTNTK_HD V twice_arc_sine(V h) {
  return V(pi<Scalar<V>>()) * h * angle_polynomial<kLevel>(h * h);
}

// Of h = sin(omega / 2) <= sqrt(1/2): omega, and omega - sin omega with all its digits.
template <class V>
struct AngleAndExcess {
  V angle;
  V excess;
};

template <class V>
FASTNTK_HD AngleAndExcess<V> angle_and_excess(V h) {
  const V h2 = h * h, y = h * angle_polynomial<kAcute>(h2), y2 = y * y;
  const V angle = V(pi<Scalar<V>>()) * y;
  // omega (1 - cos omega) less sin omega - omega cos omega = 2 pi y^3 Q(y^2).
  const V factor = h2 - rounded(y2 * arc_cosine_polynomial<kAcute>(y2));
  return {angle, angle * (factor + factor)};
}

// Of an acute angle: y, and y^3 Q(y^2).
template <class V>
struct AcuteAngle {
  V y;
  V cube;
};

template <class V>
FASTNTK_HD AcuteAngle<V> acute_angle(V x) {
  const V y = square_root(x) * angle_polynomial<kAcute>(x);
  const V y2 = y * y;
  return {y, rounded(y2 * y * arc_cosine_polynomial<kAcute>(y2))};
}

template <int kLevel, class V>
FASTNTK_HD AngleAndArcCosine<V> angle_and_arc_cosine(V x) {
  if constexpr (kLevel < kAcute) {
    // Obtuse angles by their supplement: y(x) = 1 - y(1 - x), and kappa_1(c) = kappa_1(-c) + c.
    using T = Scalar<V>;
    const auto obtuse = is_obtuse<kLevel>(x);
    const V acute_x = acute_deficit<kLevel>(x);
    const AcuteAngle<V> acute = acute_angle(acute_x);
    return {select(obtuse, V(T(1)) - acute.y, acute.y),
            select(obtuse, V(T(0.5)), acute_x) - acute.cube};
  } else {
    const V y = square_root(x) * angle_polynomial<kLevel>(x);
    const V y2 = y * y;
    return {y, neg_mul_add(y2 * y, arc_cosine_polynomial<kLevel>(y2), x)};
  }
}

}  // namespace fastntk
