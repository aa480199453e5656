// SPDX-License-Identifier: Apache-2.0
// exp and expm1 for the shared vocabulary. Row steps and finite networks have the libraries' own,
// within one unit in the last place; pair steps have both at once from one polynomial, which packs,
// numbers and GPUs evaluate alike:
//   e^a = 2^k e^r,  k = round(a / log 2),  |r| <= log(2) / 2,  e^r = 1 + p,
//   e^a = 2^k + 2^k p,   e^a - 1 = 2^k p + (2^k - 1).
// p is a Taylor polynomial, shorter than rounding by its first omitted term; log 2 is taken in two
// parts, k times the first of which is exact without a fused multiply-add, too.
//
// Largest errors, in units in the last place: of e^a 1.0, of e^a - 1 1.2 for a <= 0 and 1.9 for
// a > 0. Where e^a is below the smallest normal number it is 0; above 2.3e38 in float and 1.2e308
// in double it stays at that. A NaN is read as the smallest argument.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/jet.h"
#include "common/wide_double.h"

namespace fastntk {

FASTNTK_HD float exponential_minus_one(float a) { return expm1f(a); }
FASTNTK_HD double exponential_minus_one(double a) { return expm1(a); }
inline Extended exponential(Extended a) { return std::exp(a); }
inline Extended exponential_minus_one(Extended a) { return std::expm1(a); }

// To double's digits, with an exponent of its own.
FASTNTK_HD WideDouble exponential(WideDouble a) {
  constexpr double kLargest = 1e8;  // of |a|: sums of exponents fit 32 bits
  const double plain = static_cast<double>(a);
  if (plain < -kLargest)
    return 0.0;
  const WideDouble bounded = plain > kLargest ? WideDouble(kLargest) : a;
  const double k = rint(fmin(plain, kLargest) * 1.4426950408889634);
  const WideDouble log_two(DoubleDouble{0.6931471805599453, 2.3190468138462996e-17}, 0);
  const double rest = static_cast<double>(bounded - log_two * k);
  return {DoubleDouble{exp(rest), 0}, static_cast<int>(k)};
}
FASTNTK_HD WideDouble exponential_minus_one(WideDouble a) {
  const double plain = static_cast<double>(a);
  // Beyond it e^a has room for the 1 that double has not.
  constexpr double kLarge = 40;
  return plain > kLarge ? exponential(a) : WideDouble(expm1(plain));
}

template <class V>
struct Exponentials {
  V value;      // e^a
  V minus_one;  // e^a - 1
};

template <class T>
struct ExponentialConstants;
template <>
struct ExponentialConstants<float> {
  using Bits = std::uint32_t;
  static constexpr float kRounding = 12582912;  // 1.5 * 2^23: adding it rounds to integers
  static constexpr float kInverse = 1.4426950408889634f;  // 1 / log 2
  static constexpr float kLogHigh = 0x1.62e4p-1f;
  static constexpr float kLogLow = 0x1.7f7d1cp-20f;
  static constexpr float kLeast = -87.33654f, kMost = 88.37f;
  static constexpr int kDegree = 6;            // of (p - r) / r^2
  static constexpr double kFactorial = 40320;  // 8!
  static constexpr int kMantissa = 23;
  static constexpr Bits kBias = 127;
};
template <>
struct ExponentialConstants<double> {
  using Bits = std::uint64_t;
  static constexpr double kRounding = 6755399441055744;  // 1.5 * 2^52
  static constexpr double kInverse = 1.4426950408889634;
  static constexpr double kLogHigh = 0x1.62e42fefap-1;
  static constexpr double kLogLow = 0x1.cf79abc9e3b3ap-40;
  static constexpr double kLeast = -708.3964185322641, kMost = 709.4;
  static constexpr int kDegree = 11;
  static constexpr double kFactorial = 6227020800;  // 13!
  static constexpr int kMantissa = 52;
  static constexpr Bits kBias = 1023;
};

// 2^k of the sum kRounding + k, whose low bits hold k. The same for packs is in
// cpu/isa/exponentials.h.
template <class T>
FASTNTK_HD T power_of_two(T sum) {
  using Constants = ExponentialConstants<T>;
  typename Constants::Bits bits;
  memcpy(&bits, &sum, sizeof bits);
  bits = (bits + Constants::kBias) << Constants::kMantissa;
  memcpy(&sum, &bits, sizeof bits);
  return sum;
}

// V: float, double or a pack.
template <class V>
FASTNTK_HD Exponentials<V> polynomial_exponentials(V argument) {
  using T = Scalar<V>;
  using Constants = ExponentialConstants<T>;
  const V least(Constants::kLeast), rounding(Constants::kRounding);
  const V a = minimum(maximum(argument, least), V(Constants::kMost));
  const V sum = mul_add(a, V(Constants::kInverse), rounding);
  const V k = sum - rounding;
  const V r = neg_mul_add(k, V(Constants::kLogLow), neg_mul_add(k, V(Constants::kLogHigh), a));
  double factorial = Constants::kFactorial;
  V rest(static_cast<T>(1 / factorial));
  FASTNTK_UNROLL
  for (int i = Constants::kDegree - 1; i >= 0; --i) {
    factorial /= i + 3;
    rest = mul_add(rest, r, V(static_cast<T>(1 / factorial)));
  }
  const V p = mul_add(r * r, rest, r);
  const V scale = power_of_two(sum);
  return {select(less(argument, least), V(T(0)), mul_add(scale, p, scale)),
          mul_add(scale, p, scale - V(T(1)))};
}

FASTNTK_HD Exponentials<float> exponentials(float a) { return polynomial_exponentials(a); }
FASTNTK_HD Exponentials<double> exponentials(double a) { return polynomial_exponentials(a); }
inline Exponentials<Extended> exponentials(Extended a) { return {std::exp(a), std::expm1(a)}; }

template <class V, int N>
FASTNTK_HD Exponentials<Jet<V, N>> exponentials(Jet<V, N> a) {
  const Exponentials<V> plain = exponentials(a.value);
  const auto by = [&](int i) { return plain.value * a.by[i]; };
  return {Jet<V, N>::of(plain.value, by), Jet<V, N>::of(plain.minus_one, by)};
}
template <class V, int N>
FASTNTK_HD Jet<V, N> exponential(Jet<V, N> a) {
  const V value = exponential(a.value);
  return Jet<V, N>::of(value, [&](int i) { return value * a.by[i]; });
}
template <class V, int N>
FASTNTK_HD Jet<V, N> exponential_minus_one(Jet<V, N> a) {
  const V value = exponential(a.value);
  return Jet<V, N>::of(exponential_minus_one(a.value), [&](int i) { return value * a.by[i]; });
}

}  // namespace fastntk
