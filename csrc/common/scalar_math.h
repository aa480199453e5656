// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the shared formulas for plain numbers. The SIMD packs of csrc/cpu/isa offer
// the same names, so that a formula is a template over V: float or double on the device and for
// single rows, a pack in the tile loops.
#pragma once

#include <cmath>

#include "common/macros.h"

namespace fastntk {

template <class T>
struct ScalarOf {
  using type = typename T::Scalar;
};
template <>
struct ScalarOf<float> {
  using type = float;
};
template <>
struct ScalarOf<double> {
  using type = double;
};
template <class V>
using Scalar = typename ScalarOf<V>::type;

FASTNTK_HD float mul_add(float a, float b, float c) { return a * b + c; }
FASTNTK_HD double mul_add(double a, double b, double c) { return a * b + c; }
// c - a b
FASTNTK_HD float neg_mul_add(float a, float b, float c) { return c - a * b; }
FASTNTK_HD double neg_mul_add(double a, double b, double c) { return c - a * b; }

FASTNTK_HD float square_root(float a) { return std::sqrt(a); }
FASTNTK_HD double square_root(double a) { return std::sqrt(a); }

FASTNTK_HD float minimum(float a, float b) { return a < b ? a : b; }
FASTNTK_HD double minimum(double a, double b) { return a < b ? a : b; }
FASTNTK_HD float maximum(float a, float b) { return a > b ? a : b; }
FASTNTK_HD double maximum(double a, double b) { return a > b ? a : b; }

FASTNTK_HD bool less(float a, float b) { return a < b; }
FASTNTK_HD bool less(double a, double b) { return a < b; }
FASTNTK_HD float select(bool mask, float a, float b) { return mask ? a : b; }
FASTNTK_HD double select(bool mask, double a, double b) { return mask ? a : b; }

// A product that is not to be fused with a sum, where a formula must treat both rows of a pair
// alike. For single numbers this asks nothing; packs keep the promise.
FASTNTK_HD float rounded(float a) { return a; }
FASTNTK_HD double rounded(double a) { return a; }

template <class V>
FASTNTK_HD V square(V a) {
  return a * a;
}

}  // namespace fastntk
