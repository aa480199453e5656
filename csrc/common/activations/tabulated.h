// SPDX-License-Identifier: Apache-2.0
// Any f, by a table that python/fastntk/duals builds for a range of variances (table.py states its
// layout, and how large its error is).
//
// With F_q(g) = f(sqrt(q) g) / sqrt(A) a row has the coefficients psi_r(q) of F_q in functions Phi_r that
// are orthonormal under the Gaussian measure, as Chebyshev series in log q. Then with x = (1 - c) / 2
//   z = 1/4 sum_r (psi_r - psi_r')^2 + x G,   d = D:
// what separates equal angles is a sum of squares, and what the angle adds has its factor x. Either
// Phi_r are normalised Hermite polynomials, of the orders k_r, and by Mehler's formula
//   G = sum_r S_r (1 + c + ... + c^(k_r - 1)),   D = sum_r k_r S_r c^(k_r - 1),   S_r = psi_r psi_r';
// or fewer functions, whose products need polynomials of the angle,
//   G = sum_{r <= s} S_rs G_rs(sigma),   D = sum_{r <= s} S_rs D_rs(sigma),
//   S_rs = psi_r psi_s' + psi_s psi_r' (once where r = s).
// The first function is nearly the rows' own F: tables have psi_0 - 1, and all but the 1 in
// S_00 = 1 + ... is small; it is added up first, so that few roundings are those of 1.
// sigma is theta / pi where f has kinks, otherwise c (1 + B) / (1 + sqrt(B^2 + (1 - B^2)(1 - c^2))),
// scaled to [-1, 1]; polynomials are sums of powers, or Chebyshev series where powers would cancel.
// Degrees and orders are the table's, alike for all pairs: no lane branches.
#pragma once

#include <cstring>
#include <type_traits>

#include "common/activations/activation.h"
#include "common/logarithm.h"

namespace fastntk {

struct Tabulated {
  static constexpr const char* kName = "tabulated";
  static constexpr int kParameters = 0;
  static constexpr int kRowScalars = kMaxRowScalars;  // row_scalars() of them are used
  static constexpr bool kUsesAngleLevels = false;
  static constexpr bool kHasNtk = true;

  // table: on the side that reads it, host or device.
  FASTNTK_HD explicit Tabulated(const double* table) : table_(table) {}

  // Whether an array is one, as far as sizes tell.
  static bool is_table(const double* numbers, std::size_t count) {
    if (count < kHeader || !(numbers[kNumbers] >= kHeader) || !(numbers[kRank] >= 0))
      return false;
    const auto doubles = static_cast<std::size_t>(numbers[kNumbers]);
    return numbers[kRank] <= kMaxRowScalars && numbers[kHeaderRowNumbers] <= numbers[kNumbers] &&
           count == doubles + (doubles + 1) / 2;
  }

  FASTNTK_HD int row_scalars() const { return static_cast<int>(table_[kRank]); }
  FASTNTK_HD double square_at_zero() const { return table_[kSquareAtZero]; }
  // Not known.
  bool dual_is_non_negative() const { return false; }

  template <class Real>
  FASTNTK_HD RowDual<Real> row_step(Real q) const {
    RowDual<Real> row{};
    const RowMoments<Real> moments =
        row_step_to(q, [&](int r, Real scalar) { row.scalars[r] = scalar; });
    row.second_moment = moments.second_moment;
    row.slope = moments.slope;
    return row;
  }

  // keep(r, scalar) is given the row scalars one by one.
  template <class Real, class Keep>
  FASTNTK_HD RowMoments<Real> row_step_to(Real q, const Keep& keep) const {
    const int rank = row_scalars(), terms = static_cast<int>(table_[kRowTerms]);
    const double* const zero = table_ + kHeader;
    const double* series = zero + rank;
    if (!is_positive(q)) {
      for (int r = 0; r < rank; ++r)
        keep(r, Real(zero[r]));
      return {Real(table_[kSquareAtZero]), Real(0.0)};
    }
    Real l = (logarithm(q) - Real(table_[kMiddle])) * Real(table_[kInverseHalfWidth]);
    // Beyond the table's range, where only rows without a kernel are, numbers stay finite.
    const Real end(kEnd), start(-kEnd);
    if (is_positive(l - end))
      l = end;
    if (is_positive(start - l))
      l = start;
    const Real growth = Real(table_[kConstant]) + Real(table_[kLinear]) * q;
    const RowMoments<Real> moments{growth * row_series(series, terms, l),
                                   row_series(series + terms, terms, l)};
    for (int r = 0; r < rank; ++r)
      keep(r, row_series(series + (2 + r) * terms, terms, l));
    return moments;
  }

  // a[r], b[r]: the row scalars; arrays, or what reads them where they are.
  template <int kLevel, class V, class A, class B>
  FASTNTK_HD PairDual<V> pair_step(V x, const A& a, const B& b) const {
    using T = Scalar<V>;
    const int rank = row_scalars();
    V apart(T(0));
    for (int r = 0; r < rank; ++r) {
      const V left = a[r], difference = left - b[r];
      apart = mul_add(difference, difference, apart);
    }
    const Numbers<T> numbers(table_);
    const int kind = static_cast<int>(table_[kKind]);
    const int used = static_cast<int>(table_[kHeaderRowNumbers]);
    const Cosine<V> angle = cosine<kLevel>(x);
    const PairDual<V> sums =
        kind == kHermite
            ? hermite_sums(numbers, used, rank, angle, a, b)
            : polynomial_sums(numbers, used, rank, sigma<kLevel>(numbers, x, angle, kind), a, b);
    const V deficit = mul_add(unfolded<kLevel>(x), sums.deficit, rounded(V(T(0.25)) * apart));
    // Rounding may leave equal rows a negative one. Jets keep the derivatives of a zero.
    const V none(T(0));
    return {select(less(deficit, none), none, deficit), sums.slope};
  }

private:
  enum Header : int {
    kRank,
    kRowTerms,
    kMiddle,
    kInverseHalfWidth,
    kKind,
    kWidth,
    kScale,
    kOffset,
    kPowers,
    kSquareAtZero,
    kConstant,
    kLinear,
    kNumbers,
    kHeaderRowNumbers,  // in front of what pairs read
    kHeader
  };
  static constexpr double kEnd = 1.01;
  enum Kind : int { kAngle, kSmooth, kHermite };

  const double* table_;

  // The table in T's precision: single precision has a copy of its own.
  template <class T>
  class Numbers {
  public:
    FASTNTK_HD explicit Numbers(const double* table)
        : from_(reinterpret_cast<const char*>(
              sizeof(T) == sizeof(float) ? table + static_cast<int>(table[kNumbers]) : table)) {}

    FASTNTK_HD T operator[](int i) const {
      using Stored = std::conditional_t<sizeof(T) == sizeof(float), float, double>;
      Stored found;
      std::memcpy(&found, from_ + static_cast<long>(i) * static_cast<long>(sizeof found),
                  sizeof found);
      return static_cast<T>(found);
    }

  private:
    const char* from_;
  };

  // Clenshaw's recurrence; terms from the lowest up.
  template <class Real>
  FASTNTK_HD static Real row_series(const double* series, int terms, Real l) {
    const Real twice = l + l;
    Real after(0.0), sum(0.0);
    for (int k = terms - 1; k > 0; --k) {
      const Real next = Real(series[k]) + twice * sum - after;
      after = sum;
      sum = next;
    }
    return Real(series[0]) + l * sum - after;
  }

  template <int kLevel, class V>
  FASTNTK_HD static V unfolded(V x) {
    if constexpr (kLevel == kFolded)
      return unfold(x);
    else
      return x;
  }

  template <class V>
  struct Cosine {
    V c;
    V above;         // 1 + c
    V square_sine4;  // (1 - c^2) / 4
  };
  template <int kLevel, class V>
  FASTNTK_HD static Cosine<V> cosine(V x) {
    using T = Scalar<V>;
    const V one(T(1)), two(T(2));
    V rest = one - x, below = x;
    if constexpr (kLevel == kFolded) {
      const auto obtuse = less(x, V(T(0)));
      rest = select(obtuse, negated(x), rest);
      below = unfold(x);
    }
    return {rest - below, two * rest, below * rest};
  }

  template <int kLevel, class V>
  FASTNTK_HD static V sigma(Numbers<Scalar<V>> numbers, V x, Cosine<V> angle, int kind) {
    using T = Scalar<V>;
    V s;
    if (kind == kAngle) {
      s = angle_and_arc_cosine<kLevel>(x).y;
    } else {
      const T width = numbers[kWidth];
      const V square_width(width * width), rest(T(4) * (T(1) - width * width));
      const V root = square_root(mul_add(rest, angle.square_sine4, square_width));
      s = angle.c * V(T(1) + width) / (V(T(1)) + root);
    }
    return mul_add(s, V(numbers[kScale]), V(numbers[kOffset]));
  }

  // From the highest order down: with gaps d of one or two between the orders,
  // (1 - c^k) / (1 - c) = (1 - c^d) / (1 - c) + c^d (1 - c^(k - d)) / (1 - c).
  template <class V, class A, class B>
  FASTNTK_HD static PairDual<V> hermite_sums(Numbers<Scalar<V>> numbers, int orders, int rank,
                                             Cosine<V> angle, const A& a, const B& b) {
    using T = Scalar<V>;
    const V squared = angle.c * angle.c;
    V total(T(0)), gap(T(0)), slope(T(0)), step(T(0));
    T order = numbers[orders + rank - 1];
    for (int r = rank - 1; r >= 0 && order > 0; --r) {
      const T lower = r > 0 ? numbers[orders + r - 1] : T(0);
      const V left = a[r], product = left * b[r];
      total = total + product;
      slope = mul_add(slope, step, rounded(V(order) * product));
      if (order - lower > T(1.5)) {
        step = squared;
        gap = mul_add(gap, squared, rounded(angle.above * total));
      } else {
        step = angle.c;
        gap = mul_add(gap, angle.c, total);
      }
      // c^(k - 1) of the lowest order.
      if (!(lower > 0) && order > T(1.5))
        slope = slope * angle.c;
      order = lower;
    }
    return {gap, slope};
  }

  template <class V, class A, class B>
  FASTNTK_HD static PairDual<V> polynomial_sums(Numbers<Scalar<V>> numbers, int partners, int rank,
                                                V sigma, const A& a, const B& b) {
    using T = Scalar<V>;
    int pairs = 0;
    for (int r = 0; r < rank; ++r)
      pairs += static_cast<int>(numbers[partners + r]);
    int count = partners + rank, at = count + pairs;
    const bool powers = numbers[kPowers] > 0;
    const V twice = sigma + sigma;
    const V one(T(1));
    PairDual<V> first{V(T(0)), V(T(0))}, sums = first;
    for (int r = 0; r < rank; ++r) {
      const int last = r + static_cast<int>(numbers[partners + r]);
      V left = a[r], right = b[r];
      V product = rounded(left * right);
      if (r == 0) {
        product = product + (left + right);
        left = one + left;
        right = one + right;
      }
      for (int s = r; s < last; ++s) {
        if (s > r)
          product = rounded(left * b[s]) + rounded(right * a[s]);
        const int terms = static_cast<int>(numbers[count++]);
        const PairDual<V> pair = powers ? power_series(numbers, at, terms, sigma)
                                        : chebyshev_series(numbers, at, terms, sigma, twice);
        at += 2 * terms;
        if (s == 0)
          first = pair;
        sums.deficit = mul_add(product, pair.deficit, sums.deficit);
        sums.slope = mul_add(product, pair.slope, sums.slope);
      }
    }
    return {first.deficit + sums.deficit, first.slope + sums.slope};
  }

  template <class V>
  FASTNTK_HD static PairDual<V> power_series(Numbers<Scalar<V>> numbers, int at, int terms,
                                             V sigma) {
    PairDual<V> sum{V(numbers[at]), V(numbers[at + 1])};
    for (int k = 1; k < terms; ++k) {
      sum.deficit = mul_add(sum.deficit, sigma, V(numbers[at + 2 * k]));
      sum.slope = mul_add(sum.slope, sigma, V(numbers[at + 2 * k + 1]));
    }
    return sum;
  }

  // Clenshaw's recurrence.
  template <class V>
  FASTNTK_HD static PairDual<V> chebyshev_series(Numbers<Scalar<V>> numbers, int at, int terms,
                                                 V sigma, V twice) {
    using T = Scalar<V>;
    PairDual<V> sum{V(T(0)), V(T(0))}, after = sum;
    for (int k = 0; k < terms; ++k) {
      const V by = k + 1 < terms ? twice : sigma;
      const V gap = V(numbers[at + 2 * k]) - after.deficit;
      const V slope = V(numbers[at + 2 * k + 1]) - after.slope;
      after = sum;
      sum = {mul_add(by, sum.deficit, gap), mul_add(by, sum.slope, slope)};
    }
    return sum;
  }
};

}  // namespace fastntk
