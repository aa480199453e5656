// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the shared formulas for plain numbers. The SIMD packs of csrc/cpu/isa offer
// the same names, so that a formula is a template over V: float or double on the device and for
// single rows, a pack in the tile loops.
#pragma once

#include <cmath>

#include "common/sine.h"

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

// a b + c and c - a b: one rounding on the device and in its emulator, whose sums must agree. Host
// code rounds the product, too: not all processors have the other instruction.
#if defined(__CUDA_ARCH__)
FASTNTK_HD float mul_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }
FASTNTK_HD double mul_add(double a, double b, double c) { return __fma_rn(a, b, c); }
FASTNTK_HD float neg_mul_add(float a, float b, float c) { return __fmaf_rn(-a, b, c); }
FASTNTK_HD double neg_mul_add(double a, double b, double c) { return __fma_rn(-a, b, c); }
#elif defined(FASTNTK_EMULATED)
FASTNTK_HD float mul_add(float a, float b, float c) { return std::fma(a, b, c); }
FASTNTK_HD double mul_add(double a, double b, double c) { return std::fma(a, b, c); }
FASTNTK_HD float neg_mul_add(float a, float b, float c) { return std::fma(-a, b, c); }
FASTNTK_HD double neg_mul_add(double a, double b, double c) { return std::fma(-a, b, c); }
#else
FASTNTK_HD float mul_add(float a, float b, float c) { return a * b + c; }
FASTNTK_HD double mul_add(double a, double b, double c) { return a * b + c; }
FASTNTK_HD float neg_mul_add(float a, float b, float c) { return c - a * b; }
FASTNTK_HD double neg_mul_add(double a, double b, double c) { return c - a * b; }
#endif

// a b + c with one rounding everywhere, in an instruction or in the library.
FASTNTK_HD float fused_mul_add(float a, float b, float c) { return fmaf(a, b, c); }
FASTNTK_HD double fused_mul_add(double a, double b, double c) { return fma(a, b, c); }

// The libraries' own, within one unit in the last place on the host and two on the device.
FASTNTK_HD float error_function(float a) { return erff(a); }
FASTNTK_HD double error_function(double a) { return erf(a); }
FASTNTK_HD float error_function_complement(float a) { return erfcf(a); }
FASTNTK_HD double error_function_complement(double a) { return erfc(a); }
FASTNTK_HD float exponential(float a) { return expf(a); }
FASTNTK_HD double exponential(double a) { return exp(a); }

// The libraries' own on the host; on the device within one unit, see sine.h.
#if defined(__CUDA_ARCH__) || defined(FASTNTK_EMULATED)
FASTNTK_HD double sine(double a) { return sine_and_cosine(a).sine; }
FASTNTK_HD double cosine(double a) { return sine_and_cosine(a).cosine; }
FASTNTK_HD float sine(float a) { return static_cast<float>(sine(static_cast<double>(a))); }
FASTNTK_HD float cosine(float a) { return static_cast<float>(cosine(static_cast<double>(a))); }
#else
FASTNTK_HD double sine(double a) { return std::sin(a); }
FASTNTK_HD double cosine(double a) { return std::cos(a); }
FASTNTK_HD float sine(float a) { return std::sin(a); }
FASTNTK_HD float cosine(float a) { return std::cos(a); }
#endif

#ifdef __CUDA_ARCH__
// Relative error at most 2^-23, by the PTX manual; subnormal numbers are read as zero.
FASTNTK_HD float square_root(float a) {
  float root;
  asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(root) : "f"(a));
  return root;
}
FASTNTK_HD double square_root(double a) { return __dsqrt_rn(a); }
#else
FASTNTK_HD float square_root(float a) { return std::sqrt(a); }
FASTNTK_HD double square_root(double a) { return std::sqrt(a); }
#endif

// The angle of the point (x, y), x, y >= 0.
FASTNTK_HD double arc_tangent(double y, double x) { return std::atan2(y, x); }

template <class T>
FASTNTK_HD T two_over_pi() {
  return static_cast<T>(0.636619772367581343);
}

template <class T>
FASTNTK_HD T pi() {
  return static_cast<T>(3.14159265358979323846);
}

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

// a / b where neither b, 1 / b nor the quotient leaves the range of normal numbers; packs have it
// quicker, within one unit in the last place.
template <class V>
FASTNTK_HD V quotient(V a, V b) {
  return a / b;
}

// sqrt(a) and 1 / sqrt(a), likewise.
template <class V>
struct Roots {
  V root;
  V inverse;
};
template <class V>
FASTNTK_HD Roots<V> both_roots(V a) {
  const V root = square_root(a);
  return {root, V(Scalar<V>(1)) / root};
}

template <class V>
FASTNTK_HD V square(V a) {
  return a * a;
}

}  // namespace fastntk
