// SPDX-License-Identifier: Apache-2.0
// What duals made of exponentials read of the norms of a pair of rows: r = sqrt q as two numbers,
//   hi, r to the digits of a float, and lo = r - hi.
// The exponent (r - r')^2 / 2 of a pair of float rows has an absolute error of r times that of a
// float if the difference of rounded roots is squared; q = 1e6 makes that 1e-4.
#pragma once

#include "common/activations/activation.h"
#include "common/exponentials.h"

namespace fastntk {

// Of r: beyond it norms count as one, so that no float is infinite.
constexpr double kLargestRoot = 0x1p126;

template <class Real>
FASTNTK_HD Real root_of_norm(Real q) {
  return minimum(square_root(q), Real(kLargestRoot));
}

// The nearest float, without derivatives.
FASTNTK_HD double leading_part(double a) { return static_cast<double>(static_cast<float>(a)); }
FASTNTK_HD WideDouble leading_part(WideDouble a) { return leading_part(static_cast<double>(a)); }
inline Extended leading_part(Extended a) { return static_cast<Extended>(static_cast<float>(a)); }
template <class V, int N>
FASTNTK_HD Jet<V, N> leading_part(Jet<V, N> a) {
  return leading_part(a.value);
}

// Exponents stop here: no product with one is infinite, no sum with one a NaN.
template <class T>
constexpr T kLargestExponent = sizeof(T) == sizeof(float) ? T(1e37) : T(1e300);

template <class V>
struct RootNorms {
  V gap;            // r - r'
  V square_gap;     // (r - r')^2
  V sum;            // r + r'
  V twice_product;  // 2 r r'
};

// Of rows whose first two scalars are hi and lo.
template <class V>
FASTNTK_HD RootNorms<V> root_norms(const V* a, const V* b) {
  const V largest(kLargestExponent<Scalar<V>>);
  const V gap = (a[0] - b[0]) + (a[1] - b[1]);
  const V root_a = a[0] + a[1], root_b = b[0] + b[1];
  const V product = minimum(root_a * root_b, largest);
  return {gap, minimum(gap * gap, largest), root_a + root_b, product + product};
}

}  // namespace fastntk
