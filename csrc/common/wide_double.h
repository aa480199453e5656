// SPDX-License-Identifier: Apache-2.0
// 106 bits and an exponent of their own: what rows are computed with where there is no long double,
// see common/row_recursion.h. Only what that needs.
#pragma once

#include "common/double_double.h"
#include "common/scalar_math.h"

namespace fastntk {

// mantissa * 2^exponent with 1 <= |mantissa.hi| < 2; or zero, infinite or no number, with exponent 0.
class WideDouble {
public:
  FASTNTK_HD WideDouble(double value = 0) : WideDouble(DoubleDouble{value, 0}, 0) {}
  FASTNTK_HD WideDouble(DoubleDouble mantissa, int exponent)
      : mantissa_(mantissa), exponent_(exponent) {
    if (mantissa.hi == 0 || !(mantissa.hi - mantissa.hi == 0)) {
      exponent_ = 0;
      return;
    }
    const int shift = std::ilogb(mantissa.hi);
    exponent_ += shift;
    // In two steps: 2^1074 is no double.
    const int half = shift / 2;
    const double first = std::ldexp(1.0, -half), second = std::ldexp(1.0, half - shift);
    mantissa_ = {mantissa.hi * first * second, mantissa.lo * first * second};
  }

  FASTNTK_HD explicit operator double() const { return std::ldexp(mantissa_.hi, exponent_); }
  FASTNTK_HD explicit operator float() const { return static_cast<float>(double(*this)); }

  FASTNTK_HD friend WideDouble operator-(WideDouble a) { return {-a.mantissa_, a.exponent_}; }
  FASTNTK_HD friend WideDouble operator+(WideDouble a, WideDouble b) {
    constexpr int kForgotten =
        110;  // bits of the larger number below which the other does not reach
    const double plain = a.mantissa_.hi + b.mantissa_.hi;
    if (a.mantissa_.hi == 0 || !(plain - plain == 0))
      return a.mantissa_.hi == 0 ? b : WideDouble(plain);
    if (b.mantissa_.hi == 0)
      return a;
    // Number by number: what is chosen by address needs an address, and registers have none.
    const bool a_larger = a.exponent_ >= b.exponent_;
    const DoubleDouble large = a_larger ? a.mantissa_ : b.mantissa_;
    const DoubleDouble small = a_larger ? b.mantissa_ : a.mantissa_;
    const int exponent = a_larger ? a.exponent_ : b.exponent_;
    const int gap = exponent - (a_larger ? b.exponent_ : a.exponent_);
    if (gap > kForgotten)
      return {large, exponent};
    const double shift = std::ldexp(1.0, -gap);
    return {large + DoubleDouble{small.hi * shift, small.lo * shift}, exponent};
  }
  FASTNTK_HD friend WideDouble operator-(WideDouble a, WideDouble b) { return a + -b; }
  FASTNTK_HD friend WideDouble operator*(WideDouble a, WideDouble b) {
    return {a.mantissa_ * b.mantissa_, a.exponent_ + b.exponent_};
  }
  FASTNTK_HD friend WideDouble operator/(WideDouble a, WideDouble b) {
    return {a.mantissa_ / b.mantissa_, a.exponent_ - b.exponent_};
  }
  FASTNTK_HD friend bool operator>(WideDouble a, WideDouble b) { return (a - b).mantissa_.hi > 0; }
  FASTNTK_HD friend bool less(WideDouble a, WideDouble b) { return b > a; }
  FASTNTK_HD friend WideDouble minimum(WideDouble a, WideDouble b) { return a > b ? b : a; }

  FASTNTK_HD friend WideDouble square_root(WideDouble a) {
    const bool odd = a.exponent_ % 2 != 0;
    const double twice = odd ? 2 : 1;
    const DoubleDouble even{a.mantissa_.hi * twice, a.mantissa_.lo * twice};
    return {square_root(even), (a.exponent_ - odd) / 2};
  }

  // Of x, y >= 0.
  FASTNTK_HD friend WideDouble arc_tangent(WideDouble y, WideDouble x) {
    constexpr int kSmall = -40;  // t - t^3 / 3 errs by t^4 / 5 of t
    if (y.mantissa_.hi == 0)
      return 0.0;
    const int gap = y.exponent_ - x.exponent_;
    if (x.mantissa_.hi != 0 && gap < kSmall) {
      const WideDouble t = y / x;
      return t - t * t * t / 3;
    }
    constexpr int kLarge = 200;  // beyond it nothing is lost of the angle
    const int shift = x.mantissa_.hi == 0 || gap > kLarge ? kLarge : gap;
    const double factor = std::ldexp(1.0, -shift);
    const DoubleDouble lower{x.mantissa_.hi * factor, x.mantissa_.lo * factor};
    return {arc_tangent(y.mantissa_, lower), 0};
  }

private:
  DoubleDouble mantissa_;
  int exponent_;
};

template <>
FASTNTK_HD WideDouble two_over_pi() {
  return {DoubleDouble{0.63661977236758138, -3.9357353350364972e-17}, 0};
}

}  // namespace fastntk
