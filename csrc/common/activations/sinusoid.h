// SPDX-License-Identifier: Apache-2.0
// f(u) = sin(u + phi): sin of phi = 0, cos of phi = pi / 2.
//   E[f(u) f(v)] = exp(-(q + q') / 2) (e^s + eps e^-s) / 2,  s = Sigma(x, x'),  eps = -cos(2 phi),
//   E[f'(u) f'(v)] = exp(-(q + q') / 2) (e^s - eps e^-s) / 2.
//
// With r = sqrt q, g = r r', s = g - 2 g x, D = (r - r')^2, the exponents
//   X1 = exp(-D / 2),  X2 = exp(-2 g x),  X3 = exp(-2 g (1 - x)),  Ei = Xi - 1,
// none of which can overflow, and A = E[f(u)^2] = a^2 / 2, a^2 = 1 + eps e^(-2 q), the normalised
// dual and its slope are
//   N = X1 ((1 + eps) + E2 + eps E3) / (a a'),   slope = g X1 ((1 - eps) + E2 - eps E3) / (a a').
// Its deficit z = (1 - N) / 2 is a part with the factor E2, and the one that norms leave at x = 0:
//   z = -E2 X1 ((1 - eps) - eps E3) / (2 a a') + z0,   z0 = G / (2 (1 + N0)),
//   G = 1 - N0^2 = (K (1 - eps^2 e^-S) + eps (e^-q - e^-q')^2) / (a a')^2,
// K = 1 - e^-D, S = (r + r')^2, N0 = N at x = 0. For eps < 0 the two terms of G cancel; so
//   G (a a')^2 = K (1 + eps)(1 - eps e^-S) - eps H,   H = K (1 - e^-S) - (e^-q - e^-q')^2 >= 0,
// which is sin's own. Where q + q' < 1 H is a sum of positive terms, with U = (q + q')^2 / 4 =
// V + g^2, V = (q - q')^2 / 4:
//   H = 4 e^-(q + q') (sinh^2 sqrt U - sinh^2 sqrt V - sinh^2 g)
//     = 4 e^-(q + q') V g^2 sum_n 2^(2 n - 1) / (2 n)! D_n,   D_n = (U^n - V^n - g^2n) / (V g^2).
// Beyond, the difference is as good as its larger term, K (1 - e^-S) / (a a')^2, is small; where it
// is not, and where N is at most 1/2, z = (1 - N) / 2 has no cancellation.
//
// N may be negative for eps < 0 where theta is obtuse; the deficit is folded, with
//   1 - z = (1 + N) / 2 = y + (1 + eps) X1 (X2 + X3) / (2 a a'),
// y the deficit z of the supplement of theta: a sum of positive terms, y itself of sin, an odd function.
//
// Rows with q near 0 have an a near 0 if eps = -1: E2 / (a a') is then -2 x (r / a)(r' / a').
//
// f and f' are sums of two terms if both sin phi and cos phi are there: errors are then relative to 1
// near a zero. sin and cos themselves are the libraries'.
#pragma once

#include "common/activations/root_norms.h"

namespace fastntk {

class Sinusoid {
public:
  static constexpr const char* kName = "sinusoid";
  static constexpr int kParameters = 2;  // sin phi, cos phi
  // hi, lo of root_norms.h; 1 / a, r / a; e^-q - 1 in two parts as well.
  static constexpr int kRowScalars = 6;
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  FASTNTK_HD explicit Sinusoid(const double* parameters)
      : sine_(parameters[0]), cosine_(parameters[1]), eps_((sine_ - cosine_) * (sine_ + cosine_)) {}

  FASTNTK_HD double square_at_zero() const { return sine_ * sine_; }
  bool dual_is_non_negative() const { return eps_ >= 0; }

  template <class T>
  FASTNTK_HD T value(T u) const {
    return combination(u, sine_, cosine_);
  }
  template <class T>
  FASTNTK_HD T slope(T u) const {
    return combination(u, cosine_, -sine_);
  }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    const Real one(1.0), half(0.5), eps(eps_);
    const Real fallen = exponential_minus_one(Real(-2.0) * q);  // e^(-2 q) - 1
    const Real square_a = Real(one_plus()) + eps * fallen;
    const Real r = root_of_norm(q), hi = leading_part(r);
    const Real inverse = one / square_root(square_a);
    const Real falls = exponential_minus_one(Real(0.0) - q), falls_hi = leading_part(falls);
    return {half * square_a,
            q * (Real(one_minus()) - eps * fallen) / square_a,
            {hi, r - hi, minimum(inverse, Real(kLargestInverse)), r * inverse, falls_hi,
             falls - falls_hi}};
  }

  template <int kLevel, class V>
  FASTNTK_HD FoldedDual<V> pair_step(V x, const V* a, const V* b) const {
    using T = Scalar<V>;
    const V zero(T(0)), half(T(0.5)), quarter(T(0.25)), one(T(1)), largest(kLargestExponent<T>);
    const V eps(static_cast<T>(eps_)), less_eps(static_cast<T>(one_minus()));
    const RootNorms<V> norms = root_norms(a, b);
    const auto obtuse = is_obtuse<kLevel>(x);
    const V acute = acute_deficit<kLevel>(x), rest = one - acute;
    const V exponent = zero - norms.twice_product;
    const Exponentials<V> apart = exponentials(V(T(-0.5)) * norms.square_gap);  // X1
    const Exponentials<V> near = exponentials(exponent * acute),
                          far = exponentials(exponent * rest);

    const V inverse = minimum(a[2] * b[2], largest);             // 1 / (a a')
    const V roots = minimum(a[3] * b[3], largest);               // g / (a a')
    const V constant = V(static_cast<T>(one_plus())) * inverse;  // (1 + eps) / (a a')
    const auto linear = less(norms.twice_product, V(kLinear<T>));
    const V twice_roots = roots + roots;
    const auto scaled = [&](V minus_one, V share) {  // E / (a a')
      return select(linear, zero - twice_roots * share, minus_one * inverse);
    };
    const V scaled_near = scaled(near.minus_one, acute), scaled_far = scaled(far.minus_one, rest);

    const V at_zero = mul_add(scaled_far, near.value, scaled_near);
    const V norm_cosine = apart.value * mul_add(eps, at_zero, constant);  // N0
    const V norm_gap = square_sine(norms, apart, near, far, constant, inverse, roots, a, b);
    const V of_norms = half * quotient(norm_gap, one + norm_cosine);  // z0
    const V half_apart = half * apart.value, slope_factor = apart.value * roots;
    // own: E2, other: E3
    const auto slope_of = [&](V own, V other) {
      return neg_mul_add(eps, other, less_eps + own) * slope_factor;
    };
    const auto deficit = [&](V scaled_own, V scaled_other, V other) {
      const V sum =
          neg_mul_add(scaled_own, half_apart * neg_mul_add(eps, other, less_eps), of_norms);
      const V half_cosine =
          half_apart * mul_add(eps, scaled_other, constant + scaled_own);  // N / 2
      return maximum(zero, select(less(sum, quarter), sum, half - half_cosine));
    };
    const V of_acute = deficit(scaled_near, scaled_far, far.minus_one);
    const V acute_slope = slope_of(near.minus_one, far.minus_one);
    if (sine_ == 0)  // odd
      return {select(obtuse, V(static_cast<T>(-kOpposite)) - of_acute, of_acute), acute_slope};
    if (cosine_ == 0)  // even
      return {of_acute, select(obtuse, zero - acute_slope, acute_slope)};
    const V slope = select(obtuse, slope_of(far.minus_one, near.minus_one), acute_slope);
    const V of_obtuse = deficit(scaled_far, scaled_near, near.minus_one);
    if (eps_ > 0)
      return {select(obtuse, of_obtuse, of_acute), slope};
    const V supplement = mul_add(half_apart * constant, near.value + far.value, of_acute);
    return {select(obtuse, fold(of_obtuse, supplement), of_acute), slope};
  }

private:
  // Of 1 / a: beyond it a pair is in the linear part, or far apart. No float is infinite.
  static constexpr double kLargestInverse = 0x1p126;
  // Of 2 g: below it exp(-2 g x) - 1 is -2 g x.
  template <class T>
  static constexpr T kLinear = sizeof(T) == sizeof(float) ? T(0x1p-26) : T(0x1p-66);
  // Terms of the series of H, n = 2, 3, ..., while (q + q')^2 / 4 < 1/4: the next is below a fifth of
  // a rounding of the first.
  template <class T>
  static constexpr int kTerms = sizeof(T) == sizeof(float)    ? 5
                                : sizeof(T) == sizeof(double) ? 8
                                                              : 10;

  FASTNTK_HD double one_plus() const { return 2 * sine_ * sine_; }
  FASTNTK_HD double one_minus() const { return 2 * cosine_ * cosine_; }

  // of_cosine cos u + of_sine sin u
  template <class T>
  FASTNTK_HD static T combination(T u, double of_cosine, double of_sine) {
    if (of_cosine == 0)
      return static_cast<T>(of_sine) * sine(u);
    if (of_sine == 0)
      return static_cast<T>(of_cosine) * cosine(u);
    return mul_add(static_cast<T>(of_cosine), cosine(u), static_cast<T>(of_sine) * sine(u));
  }

  // D_n is a polynomial in U and P = V g^2, of power sums [Girard's formula]: the number before
  // P^k U^(n - 2 - 2 k) is (-1)^k n (n - k - 2)! / ((k + 1)! (n - 2 - 2 k)!).
  template <class T>
  struct Series {
    static constexpr int kPowers = (kTerms<T> + 1) / 2;
    T at[kPowers][2 + kTerms<T>];  // [k][n], with its 2^(2 n - 1) / (2 n)!
  };
  template <class T>
  FASTNTK_HD static constexpr Series<T> series() {
    using Wide = std::conditional_t<sizeof(T) == sizeof(float), double, T>;
    Series<T> found{};
    Wide coefficient = Wide(1) / 3;  // 2^3 / 4!
    for (int n = 2; n < 2 + kTerms<T>; ++n) {
      Wide number = n;
      for (int k = 0; 2 + 2 * k <= n; ++k) {
        found.at[k][n] = static_cast<T>(coefficient * number);
        number *=
            -Wide((n - 2 - 2 * k) * (n - 3 - 2 * k)) / ((k + 2) * (n - k - 2 > 0 ? n - k - 2 : 1));
      }
      coefficient *= Wide(4) / ((2 * n + 2) * (2 * n + 1));
    }
    return found;
  }

  // sum_n 2^(2 n - 1) / (2 n)! D_n from U and P.
  template <class V>
  FASTNTK_HD static V sinh_excess(V u, V product) {
    using T = Scalar<V>;
    constexpr Series<T> kSeries = series<T>();
    constexpr int kLast = 1 + kTerms<T>;
    V sum(T(0));
    FASTNTK_UNROLL
    for (int k = kLast / 2 - 1; k >= 0; --k) {
      V of_power(kSeries.at[k][kLast]);
      FASTNTK_UNROLL
      for (int n = kLast - 1; n >= 2 + 2 * k; --n)
        of_power = mul_add(of_power, u, V(kSeries.at[k][n]));
      sum = mul_add(sum, product, of_power);
    }
    return sum;
  }

  // G = 1 - N0^2; at least 4 where its formulas lose digits.
  template <class V>
  FASTNTK_HD V square_sine(const RootNorms<V>& norms, const Exponentials<V>& apart,
                           const Exponentials<V>& near, const Exponentials<V>& far, V constant,
                           V inverse, V roots, const V* a, const V* b) const {
    using T = Scalar<V>;
    const V one(T(1)), two(T(2)), zero(T(0)), eps(static_cast<T>(eps_));
    const V gap = zero - apart.minus_one * (two + apart.minus_one);        // K
    const V product = mul_add(far.minus_one, near.value, near.minus_one);  // e^(-2 g) - 1
    const V product_part = product * (two + product);                      // e^(-4 g) - 1
    const V sum = mul_add(gap, one + product_part, zero - product_part);   // 1 - e^-S
    const V scaled_gap = gap * inverse;
    const V fallen = ((a[4] - b[4]) + (a[5] - b[5])) * inverse;  // (e^-q - e^-q') / (a a')
    const V own = fallen * fallen;
    if (eps_ > 0) {
      const V beside = V(static_cast<T>(one_plus() * one_minus()));  // 1 - eps^2
      const V factor = mul_add(eps * eps, sum, beside) * inverse;
      return mul_add(scaled_gap, factor, rounded(eps * own));
    }
    const V size(static_cast<T>(-eps_));
    const V base = sine_ == 0 ? zero : scaled_gap * constant * mul_add(size, one - sum, one);
    const V larger = scaled_gap * (sum * inverse);
    const V from_difference = mul_add(size, larger - own, base);
    const V total = norms.square_gap + norms.twice_product;  // q + q'
    const V difference = norms.gap * norms.sum * roots;      // (q - q') g / (a a')
    const V quarter(T(0.25));
    const V excess = sinh_excess(quarter * square(total),
                                 square(quarter * (norms.gap * norms.sum) * norms.twice_product));
    const V falls = (one + (a[4] + a[5])) * (one + (b[4] + b[5]));  // e^-(q + q')
    const V from_series = mul_add(size * falls * square(difference), excess, base);
    const V careful = select(less(larger, one), from_difference, V(T(4)));
    return select(less(total, one), from_series, careful);
  }

  double sine_, cosine_;
  double eps_;
};

}  // namespace fastntk
