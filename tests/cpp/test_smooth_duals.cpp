// SPDX-License-Identifier: Apache-2.0
// Row and pair steps of sin, cos, a phase between them, exp, Rbf and exp(-u^2): against their
// definitions in long double, their own formulas in more digits, and their derivatives.
#define FASTNTK_ISA test
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "common/activations/exponential.h"
#include "common/activations/gaussian.h"
#include "common/activations/sinusoid.h"
#include "cpu/isa/exponentials.h"

namespace {

using namespace fastntk;
using fastntk::cpu::test::Pack;

const std::vector<double> kVariances = {1e-6, 1e-3, 0.04, 0.3, 0.9, 1, 7, 100, 1e6};
// Of the other row, as a factor: far apart, nearly alike, alike.
const std::vector<double> kRatios = {1e-4, 0.1, 0.8, 1 - 1e-3, 1 - 1e-7, 1, 1 + 1e-5, 3};
const std::vector<double> kDeficits = {0, 1e-12, 1e-6, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 1 - 1e-6, 1};

template <class A>
struct Case {
  const char* name;
  std::vector<double> parameters;
  A act() const { return A(parameters.data()); }
};

// eps = -cos(2 phi), and 1 + eps, of the angle whose sine and cosine are rounded.
struct Phase {
  Extended eps, plus;
  explicit Phase(const Case<Sinusoid>& f) {
    const Extended sine = f.parameters[0], cosine = f.parameters[1];
    const Extended norm = sine * sine + cosine * cosine;
    eps = (sine - cosine) * (sine + cosine) / norm;
    plus = 2 * sine * sine / norm;
  }
  // e^-a + eps e^-b
  Extended part(Extended a, Extended b) const {
    return plus + std::expm1(-a) + eps * std::expm1(-b);
  }
};

// E[f(u) f(v)] / sqrt(A A') by the definitions; rest is 1 - x.
Extended definition(const Case<Sinusoid>& f, Extended q, Extended p, Extended x, Extended rest) {
  const Phase phase(f);
  const Extended g = std::sqrt(q * p), gap = std::sqrt(q) - std::sqrt(p);
  return std::exp(-gap * gap / 2) * phase.part(2 * g * x, 2 * g * rest) /
         std::sqrt(phase.part(0, 2 * q) * phase.part(0, 2 * p));
}
Extended kernel(Extended q, Extended p, Extended x) {
  const Extended gap = std::sqrt(q) - std::sqrt(p);
  return std::exp(-(gap * gap + 4 * std::sqrt(q * p) * x) / 2);
}
Extended definition(const Case<Exponential>&, Extended q, Extended p, Extended x, Extended) {
  return kernel(q, p, x);
}
Extended definition(const Case<Rbf>&, Extended q, Extended p, Extended x, Extended) {
  return kernel(q, p, x);
}
Extended definition(const Case<Gaussian>&, Extended q, Extended p, Extended x, Extended rest) {
  const Extended square = 1 + 2 * q + 2 * p + 16 * q * p * x * rest;  // (1+2q)(1+2p) - 4 s^2
  return std::sqrt(std::sqrt((1 + 4 * q) * (1 + 4 * p)) / square);
}

// E[f(u)^2]
Extended moment(const Case<Sinusoid>& f, Extended q) { return Phase(f).part(0, 2 * q) / 2; }
Extended moment(const Case<Exponential>&, Extended q) { return std::exp(2 * q); }
Extended moment(const Case<Rbf>&, Extended) { return 1; }
Extended moment(const Case<Gaussian>&, Extended q) { return 1 / std::sqrt(1 + 4 * q); }

template <class A, class T>
struct Row {
  T scalars[A::kRowScalars];
  Row(const A& act, double q) {
    const RowDual<Extended> dual = act.template row_step<Extended>(Extended(q));
    for (int k = 0; k < A::kRowScalars; ++k)
      scalars[k] = static_cast<T>(dual.scalars[k]);
  }
};

// As an activation returns it: with a folded deficit, or a plain one of at most 1/2, but for those of
// sin(u + phi) with eps < 0.
template <int kLevel, class A, class T>
PairDual<T> folded_pair(const A& act, double q, double p, T x) {
  const auto dual =
      act.template pair_step<kLevel>(x, Row<A, T>(act, q).scalars, Row<A, T>(act, p).scalars);
  return {dual.deficit, dual.slope};
}
template <int kLevel, class A, class T>
PairDual<T> pair(const A& act, double q, double p, T x) {
  const PairDual<T> dual = folded_pair<kLevel>(act, q, p, x);
  return {unfold(dual.deficit), dual.slope};
}

template <class A, class T>
PairDual<T> pair_in_pack(const A& act, double q, double p, T x) {
  Pack<T> a[A::kRowScalars], b[A::kRowScalars];
  const Row<A, T> row(act, q), other(act, p);
  for (int k = 0; k < A::kRowScalars; ++k) {
    a[k] = Pack<T>(row.scalars[k]);
    b[k] = Pack<T>(other.scalars[k]);
  }
  const auto dual = act.template pair_step<kFolded>(Pack<T>(x), a, b);
  return {dual.deficit.v[1], dual.slope.v[1]};
}

std::string where(const char* name, double q, double p, double x) {
  std::ostringstream text;
  text.precision(17);
  text << name << " q=" << q << " q'=" << p << " x=" << x;
  return text.str();
}

// In units of rounding, relative to the diagonals.
constexpr double kRoundingsOfNumbers = 8;

// Of near-duplicates and of nearly opposite rows the deficit itself, or its supplement, keeps its
// digits: its root is the angle of the next layer.
template <class A, class T>
void check_type(const A& act, double q, double p, double x, Extended norm,
                const std::string& what) {
  constexpr T kUnit = std::numeric_limits<T>::epsilon() / 2;
  const T folded = static_cast<T>(x > 0.5 ? std::fmin(x - 1, -1e-37) : x);
  const PairDual<Extended> best = folded_pair<kFolded, A, Extended>(act, q, p, folded);
  const PairDual<T> scalar = folded_pair<kFolded, A, T>(act, q, p, folded);
  for (const PairDual<T> found : {scalar, pair_in_pack<A, T>(act, q, p, folded)}) {
    CHECK_AT_MOST(2 * std::fabs(unfold(found.deficit) - unfold(best.deficit)) / kUnit,
                  kRoundingsOfNumbers, what);
    CHECK_AT_MOST(std::fabs(found.slope - best.slope) / (norm * kUnit), kRoundingsOfNumbers, what);
    // A difference of row scalars, rounded to T, is what a squared rounding may be off by.
    const Extended size = std::fabs(best.deficit), root = std::sqrt(size);
    if (size < 0.49L)
      CHECK((found.deficit < 0) == (best.deficit < 0));
    CHECK_AT_MOST(std::fabs(std::sqrt(std::fabs(Extended(found.deficit))) - root) /
                      (kUnit * (1 + 4 * root)),
                  4, what);
    if (q == p && size < 0.49L)
      CHECK_AT_MOST(std::fabs(found.deficit - best.deficit),
                    16 * kUnit * size + std::numeric_limits<T>::min(), what);
  }
  const PairDual<T> transpose = folded_pair<kFolded, A, T>(act, p, q, folded);
  CHECK(scalar.deficit == transpose.deficit && scalar.slope == transpose.slope);
  CHECK(scalar.deficit >= T(-0.5) && scalar.deficit <= T(0.5) + kUnit);
  if (q == p && x == 0)
    CHECK_EQUAL(scalar.deficit, T(0));
  const PairDual<T> plain = pair<kAnyAngle, A, T>(act, q, p, static_cast<T>(x));
  const PairDual<Extended> best_plain = pair<kAnyAngle, A, Extended>(act, q, p, static_cast<T>(x));
  CHECK_AT_MOST(2 * std::fabs(plain.deficit - best_plain.deficit) / kUnit, kRoundingsOfNumbers,
                what);
}

template <class A>
void check_pair(const Case<A>& c, double q, double p, double x) {
  const A act = c.act();
  const std::string what = where(c.name, q, p, x);
  const RowDual<Extended> row = act.template row_step<Extended>(Extended(q));
  const RowDual<Extended> other = act.template row_step<Extended>(Extended(p));
  const Extended norm = std::sqrt(row.slope * other.slope);

  const PairDual<Extended> best = pair<kAnyAngle, A, Extended>(act, q, p, x);
  // Exponents up to 1e6 times a rounding of long double; squares of a phase's sine and cosine add up
  // to 1 but for a rounding of double.
  const Extended wanted = definition(c, q, p, x, 1 - Extended(x));
  CHECK_AT_MOST(std::fabs(1 - 2 * best.deficit - wanted), 4e-16, what);
  check_type<A, double>(act, q, p, x, norm, what);
  check_type<A, float>(act, q, p, x, norm, what);

  // Price's theorem: the slope is dz / dx.
  using J = Jet<double, 1>;
  J a[A::kRowScalars], b[A::kRowScalars];
  const Row<A, double> row_scalars(act, q), other_scalars(act, p);
  for (int k = 0; k < A::kRowScalars; ++k) {
    a[k] = J(row_scalars.scalars[k]);
    b[k] = J(other_scalars.scalars[k]);
  }
  const auto jet = act.template pair_step<kAnyAngle>(J::of(x, [](int) { return 1.0; }), a, b);
  CHECK_AT_MOST(std::fabs(jet.deficit.by[0] - jet.slope.value), static_cast<double>(norm) * 6e-15,
                what);
  if (x < 1e-9 || x > 1 - 1e-9)
    return;
  // Of exponentials of 2 g x: errors of h^2 g^2, and roundings of z divided by h.
  const Extended g = std::sqrt(Extended(q) * p), h = std::fmin(1e-5L / (1 + g), x * (1 - x) / 2);
  const auto at = [&](Extended y) { return pair<kAnyAngle, A, Extended>(act, q, p, y); };
  const PairDual<Extended> low = at(x - h), high = at(x + h);
  const Extended by_x = (high.deficit - low.deficit) / (2 * h);
  const Extended second_by_x = (high.slope - low.slope) / (2 * h);
  const Extended bound = (g + norm) * (1e-8L + 1e-18L / h);
  CHECK_AT_MOST(std::fabs(by_x - best.slope), bound, what);
  CHECK_AT_MOST(std::fabs(jet.slope.by[0] - second_by_x), (1 + g) * bound, what);
}

// Rows in each type, and their derivatives by log q.
template <class A>
void check_row(const Case<A>& c, double q) {
  const A act = c.act();
  const std::string what = where(c.name, q, q, 0);
  using J = Jet<Extended, 1>;
  const Extended exact_q = q, h = 1e-6L;
  const auto best = act.template row_step<Extended>(exact_q);
  // E[f'(u) f'(u)] q / A is dz / dx at x = 0.
  const auto diagonal = pair<kAnyAngle, A, Extended>(act, q, q, Extended(0));
  CHECK_AT_MOST(std::fabs(diagonal.slope / best.slope - 1), 1e-15, what);
  const auto plain = act.template row_step<double>(q);
  const auto wide = act.template row_step<WideDouble>(WideDouble(q));
  const auto low = act.template row_step<Extended>(exact_q * std::exp(-h));
  const auto high = act.template row_step<Extended>(exact_q * std::exp(h));
  const auto jet = act.template row_step<J>(J::of(exact_q, [&](int) { return exact_q; }));
  const auto check = [&](Extended value, Extended in_double, WideDouble in_wide, J in_jet,
                         Extended growth) {
    CHECK_AT_MOST(std::fabs(in_double - value), 8e-16 * std::fabs(value), what);
    CHECK_AT_MOST(std::fabs(static_cast<double>(in_wide) - value), 8e-16 * std::fabs(value), what);
    CHECK_AT_MOST(std::fabs(in_jet.value - value), 1e-18 * std::fabs(value), what);
    const Extended power = growth / value;  // of q, that value grows by
    CHECK_AT_MOST(std::fabs(in_jet.by[0] - growth),
                  std::fabs(growth) * (1e-10 + square(h * power)) + 1e-12 * std::fabs(value), what);
  };
  const bool finite = std::isfinite(plain.second_moment);
  CHECK(finite || A::kName == std::string("exponential"));
  if (finite) {
    CHECK_AT_MOST(std::fabs(best.second_moment / moment(c, q) - 1), 4e-16, what);
    check(best.second_moment, plain.second_moment, wide.second_moment, jet.second_moment,
          (high.second_moment - low.second_moment) / (2 * h));
  }
  check(best.slope, plain.slope, wide.slope, jet.slope, (high.slope - low.slope) / (2 * h));
  // Of scalars in two parts the second has the digits that the number itself has left.
  for (int k = 0; k < A::kRowScalars; ++k) {
    const Extended size = 1 + std::sqrt(exact_q) + std::fabs(best.scalars[k]);
    CHECK_AT_MOST(std::fabs(plain.scalars[k] - best.scalars[k]), 4e-16 * size, what);
    const double in_wide = static_cast<double>(wide.scalars[k]);
    CHECK_AT_MOST(std::fabs(in_wide - best.scalars[k]), 4e-16 * size, what);
    CHECK_AT_MOST(std::fabs(jet.scalars[k].value - best.scalars[k]), 1e-18 * size, what);
  }
}

// Neither NaN nor infinity, from zero rows to those at the ends of double's range.
template <class A, class T>
void check_extremes(const Case<A>& c) {
  const A act = c.act();
  std::vector<double> variances = {1e-300, 1e-80, 1e-40, 1e-20, 1, 1e20, 1e40, 1e80, 1e300};
  if (act.square_at_zero() > 0)
    variances.push_back(0);
  for (const double q : variances) {
    for (const double p : variances) {
      for (const double x : {-1e-37, -1e-3, 0.0, 1e-30, 0.4}) {
        const PairDual<T> dual = pair<kFolded, A, T>(act, q, p, static_cast<T>(x));
        const std::string what = where(c.name, q, p, x);
        CHECK_AT_MOST(std::fabs(dual.deficit - T(0.5)), 0.5, what);
        CHECK(std::isfinite(dual.slope));
        if (q == p && x == 0)
          CHECK_EQUAL(dual.deficit, T(0));
        // sin(u) is u of small variances, whatever they are.
        if (A::kName == std::string("sinusoid") && act.square_at_zero() == 0 && q < 1e-10 &&
            p < 1e-10 && q > 1e-70 && p > 1e-70) {
          const double unfolded = x < 0 ? 1 + x : x;
          CHECK_AT_MOST(std::fabs(dual.deficit - unfolded), 6e-7, what);
          CHECK_AT_MOST(std::fabs(dual.slope - 1), 6e-7, what);
        }
      }
    }
  }
}

template <class A>
void check(const Case<A>& c) {
  for (const double q : kVariances) {
    check_row(c, q);
    for (const double ratio : kRatios) {
      for (const double x : kDeficits)
        check_pair(c, q, q * ratio, x);
    }
  }
  check_extremes<A, float>(c);
  check_extremes<A, double>(c);
  Extended least = 1;
  for (const double q : {1e-3, 1.0, 30.0}) {
    for (const double x : kDeficits)
      least = std::fmin(least, 1 - 2 * pair<kAnyAngle, A, Extended>(c.act(), q, q, x).deficit);
  }
  CHECK_EQUAL(c.act().dual_is_non_negative(), least > -1e-18L);
}

// A row of zeros has f(0) for its value: E[f(0) f(v)] = f(0) E[f(v)].
void zero_rows() {
  const Case<Sinusoid> cosine{"cos", {1, 0}};
  const Case<Gaussian> gaussian{"exp(-u^2)", {}};
  for (const double q : {0.01, 2.0}) {
    for (const double x : {0.0, 0.3, 0.5}) {
      const Extended mean = std::exp(-Extended(q) / 2);  // E[cos v]
      const auto zero = pair<kFolded, Sinusoid, double>(cosine.act(), 0, q, x);
      CHECK_AT_MOST(std::fabs(1 - 2 * zero.deficit - mean / std::sqrt(moment(cosine, q))), 4e-16,
                    q);
      CHECK_EQUAL(zero.slope, 0.0);
      const Extended bell = 1 / std::sqrt(1 + 2 * Extended(q));
      const auto flat = pair<kFolded, Gaussian, double>(gaussian.act(), 0, q, x);
      CHECK_AT_MOST(std::fabs(1 - 2 * flat.deficit - bell / std::sqrt(moment(gaussian, q))), 4e-16,
                    q);
    }
  }
}

// f and f' elementwise, in units in the last place. floor: below it a number is spaced as it is.
template <class T, class A, class F>
void elementwise(const A& act, F exact, double most, T floor) {
  const auto units = [&](T found, Extended wanted) {
    const T size = std::fmax(std::fabs(static_cast<T>(wanted)), floor);
    const T unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
    return static_cast<double>(std::fabs(found - wanted) / unit);
  };
  for (int i = -5000; i <= 5000; ++i) {
    const T u = static_cast<T>(most) * static_cast<T>(i) / 5000;
    const auto [value, slope] = exact(Extended(u));
    CHECK_AT_MOST(units(act.value(u), value), 2.0, u);
    CHECK_AT_MOST(units(act.slope(u), slope), 2.0, u);
  }
  CHECK(std::isnan(act.value(std::numeric_limits<T>::quiet_NaN())));
}

template <class T>
void elementwise() {
  using Values = std::pair<Extended, Extended>;
  const double sine[] = {0, 1}, cosine[] = {1, 0}, phase[] = {0.6, 0.8};
  const T smallest = std::numeric_limits<T>::min(), one = 1;
  elementwise<T>(
      Sinusoid(sine), [](Extended u) { return Values{std::sin(u), std::cos(u)}; }, 1e4, smallest);
  elementwise<T>(
      Sinusoid(cosine), [](Extended u) { return Values{std::cos(u), -std::sin(u)}; }, 1e4,
      smallest);
  const Extended angle = std::atan2(0.6L, 0.8L);
  elementwise<T>(
      Sinusoid(phase), [&](Extended u) { return Values{std::sin(u + angle), std::cos(u + angle)}; },
      1e3, one);
  elementwise<T>(
      Rbf(nullptr),
      [](Extended u) { return Values{std::sin(u) + std::cos(u), std::cos(u) - std::sin(u)}; }, 1e3,
      one);
  elementwise<T>(
      Exponential(nullptr), [](Extended u) { return Values{std::exp(u), std::exp(u)}; }, 80,
      smallest);
  elementwise<T>(
      Gaussian(nullptr),
      [](Extended u) { return Values{std::exp(-u * u), -2 * u * std::exp(-u * u)}; }, 28, smallest);
}

}  // namespace

int main() {
  check(Case<Sinusoid>{"sin", {0, 1}});
  check(Case<Sinusoid>{"cos", {1, 0}});
  check(Case<Sinusoid>{"sin(u + 0.6435)", {0.6, 0.8}});
  check(Case<Sinusoid>{"sin(u + 0.9273)", {0.8, 0.6}});
  check(Case<Sinusoid>{"sin(u - 0.001)", {-std::sin(1e-3), std::cos(1e-3)}});
  check(Case<Sinusoid>{"sin(u + pi / 4)", {std::sqrt(0.5), std::sqrt(0.5)}});
  check(Case<Exponential>{"exp", {}});
  check(Case<Rbf>{"rbf", {}});
  check(Case<Gaussian>{"exp(-u^2)", {}});
  zero_rows();
  elementwise<float>();
  elementwise<double>();
  return test::summary();
}
