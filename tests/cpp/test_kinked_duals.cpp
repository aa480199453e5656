// SPDX-License-Identifier: Apache-2.0
// Row and pair steps of the activations with kinks and of polynomials, against long double: their
// definitions, their own formulas in more digits, and their derivatives by differences.
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "common/activations/piecewise_linear.h"
#include "common/activations/polynomial.h"
#include "common/activations/relu_power.h"
#include "common/activations/step.h"
#include "common/jet_angle.h"
#include "common/wide_double.h"

namespace {

using namespace fastntk;
using Numbers = std::vector<double>;

const std::vector<double> kVariances = {1e-6, 1e-3, 0.5, 1, 1 + 1e-7, 3, 1e3, 1e6};
const std::vector<double> kDeficits = {0, 1e-12, 1e-6, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 1 - 1e-6, 1};

template <class A>
struct Case {
  const char* name;
  Numbers parameters;
  A act() const { return A(parameters.data()); }
};

// E[f(u) f(v)] / sqrt(A A') by the definitions. folded: x, or x - 1 where theta is obtuse.
Extended arc_cosine(int order, Extended folded) {
  const Extended pi = kExtendedPi;
  const Extended acute = 2 * std::asin(std::sqrt(std::fabs(folded)));
  const Extended theta = folded < 0 ? pi - acute : acute;
  const Extended c = std::cos(theta), s = std::sin(theta), rest = pi - theta;
  switch (order) {
  case 0:
    return rest / pi;
  case 1:
    return (s + rest * c) / pi;
  case 2:
    return (3 * s * c + rest * (1 + 2 * c * c)) / (3 * pi);
  default:
    return ((4 + 11 * c * c) * s + rest * (9 * c + 6 * c * c * c)) / (15 * pi);
  }
}
Extended cosine(Extended folded) { return folded < 0 ? -1 - 2 * folded : 1 - 2 * folded; }
Extended exact(const Case<Step>&, Extended, Extended, Extended x) { return arc_cosine(0, x); }
Extended exact(const Case<Sign>&, Extended, Extended, Extended x) {
  return 2 * arc_cosine(0, x) - 1;
}
template <int kPower>
Extended exact(const Case<ReluPower<kPower>>&, Extended, Extended, Extended x) {
  return arc_cosine(kPower, x);
}
Extended exact(const Case<PiecewiseLinear>& c, Extended, Extended, Extended x) {
  const Extended a = c.parameters[0], b = c.parameters[1];
  return ((a - b) * (a - b) * arc_cosine(1, x) + 2 * a * b * cosine(x)) / (a * a + b * b);
}

// E[u^i v^j] of unit variances: pairings of which k join a u to a v [Isserlis 1918].
Extended moment(int i, int j, Extended c) {
  Extended sum = 0;
  const auto pairings = [](int n) {
    return n % 2 == 1 ? 0
                      : std::tgamma(Extended(n + 1)) / std::pow(Extended(2), n / 2) /
                            std::tgamma(Extended(n / 2 + 1));
  };
  const auto choose = [](int n, int k) {
    return std::tgamma(Extended(n + 1)) / std::tgamma(Extended(k + 1)) /
           std::tgamma(Extended(n - k + 1));
  };
  for (int k = 0; k <= std::min(i, j); ++k)
    sum += choose(i, k) * choose(j, k) * std::tgamma(Extended(k + 1)) * pairings(i - k) *
           pairings(j - k) * std::pow(c, k);
  return sum;
}
Extended product(const Numbers& f, Extended q, Extended p, Extended c) {
  Extended sum = 0;
  for (int i = 0; i <= Polynomial::kDegree; ++i) {
    for (int j = 0; j <= Polynomial::kDegree; ++j) {
      if (f[i] != 0 && f[j] != 0)
        sum += Extended(f[i]) * f[j] * std::pow(q, i / Extended(2)) * std::pow(p, j / Extended(2)) *
               moment(i, j, c);
    }
  }
  return sum;
}
Extended exact(const Case<Polynomial>& f, Extended q, Extended p, Extended x) {
  return product(f.parameters, q, p, cosine(x)) /
         std::sqrt(product(f.parameters, q, q, 1) * product(f.parameters, p, p, 1));
}

template <class A, class T>
struct Row {
  T scalars[kMaxRowScalars] = {};
  Row(const A& act, double q) {
    const RowDual<Extended> dual = act.template row_step<Extended>(Extended(q));
    for (int k = 0; k < A::kRowScalars; ++k)
      scalars[k] = static_cast<T>(dual.scalars[k]);
  }
};

template <int kLevel, class A, class T>
PairDual<T> pair(const A& act, double q, double p, T x) {
  return plain_dual(
      act.template pair_step<kLevel>(x, Row<A, T>(act, q).scalars, Row<A, T>(act, p).scalars));
}

std::string where(const char* name, double q, double p, double x) {
  std::ostringstream text;
  text.precision(17);
  text << name << " q=" << q << " q'=" << p << " x=" << x;
  return text.str();
}

// A deficit's root is the angle of the next layer: it may err by a rounding of itself and of 1.
template <class T>
void check_type(PairDual<T> found, PairDual<Extended> expected, Extended norm, double bound,
                double root_bound, const std::string& what) {
  CHECK_AT_MOST(2 * std::fabs(found.deficit - expected.deficit), bound, what);
  CHECK_AT_MOST(std::fabs(found.slope - expected.slope), bound * norm, what);
  const Extended root = std::sqrt(expected.deficit);
  CHECK_AT_MOST(std::fabs(std::sqrt(Extended(found.deficit)) - root), root_bound * (1 + 4 * root),
                what);
}

template <class A>
void check_pair(const Case<A>& c, double q, double p, double x) {
  const A act = c.act();
  const double folded = x > 0.5 ? std::fmin(x - 1, -1e-37) : x;
  const std::string what = where(c.name, q, p, x);
  const RowDual<Extended> row = act.template row_step<Extended>(Extended(q));
  const RowDual<Extended> other = act.template row_step<Extended>(Extended(p));
  const Extended norm = std::fmax(Extended(1), std::sqrt(row.slope * other.slope));

  const PairDual<Extended> best = pair<kFolded, A, Extended>(act, q, p, folded);
  // The definition cancels up to a factor of 100; coefficients of kinks are doubles.
  constexpr double kDefinition = A::kParameters == 2 ? 5e-16 : 4e-17;
  CHECK_AT_MOST(std::fabs(1 - 2 * best.deficit - exact(c, q, p, folded)), kDefinition, what);

  const PairDual<double> in_double = pair<kFolded, A, double>(act, q, p, folded);
  check_type(in_double, best, norm, 1.5e-15, 4e-16, what);  // a dozen roundings
  const float single = static_cast<float>(folded);
  check_type(pair<kFolded, A, float>(act, q, p, single),
             pair<kFolded, A, Extended>(act, q, p, single), norm, 6e-7, 2.4e-7, what);
  if (p == q && x <= 0.5) {
    CHECK_AT_MOST(std::fabs(in_double.deficit - best.deficit), 1.5e-15 * best.deficit, what);
  }
  const PairDual<double> plain = pair<kAnyAngle, A, double>(act, q, p, x);
  CHECK_AT_MOST(std::fabs(plain.deficit - in_double.deficit), 1e-15, what);
  const PairDual<double> transpose = pair<kFolded, A, double>(act, p, q, folded);
  CHECK(in_double.deficit == transpose.deficit && in_double.slope == transpose.slope);
  CHECK(in_double.deficit >= 0 && in_double.deficit <= 1);
}

// Price's theorem: the slope is dz / dx. By jets, and jets by differences.
template <class A>
void check_derivatives(const Case<A>& c, double q, double p, double x) {
  const A act = c.act();
  const std::string what = where(c.name, q, p, x);
  using J = Jet<double, 1>;
  J a[kMaxRowScalars], b[kMaxRowScalars];
  const Row<A, double> row(act, q), other(act, p);
  for (int k = 0; k < A::kRowScalars; ++k) {
    a[k] = J(row.scalars[k]);
    b[k] = J(other.scalars[k]);
  }
  const PairDual<J> jet =
      plain_dual(act.template pair_step<kAnyAngle>(J::of(x, [](int) { return 1.0; }), a, b));
  const double by_x = jet.deficit.by[0], slope_by_x = jet.slope.by[0];
  if (A::kHasNtk) {
    CHECK_AT_MOST(std::fabs(by_x - jet.slope.value), 4e-15 * (1 + std::fabs(by_x)), what);
  } else {
    CHECK_EQUAL(jet.slope.value, 0);
  }
  if (std::fmin(x, 1 - x) < 1e-9)
    return;  // where differences have no digits

  constexpr double kStep = 1e-8;  // h^2 / x^2 times factors
  const Extended h = 1e-5L * std::fmin(x, 1 - x);
  const auto low = pair<kAnyAngle, A, Extended>(act, q, p, x - h);
  const auto high = pair<kAnyAngle, A, Extended>(act, q, p, x + h);
  const auto check = [&](double derivative, Extended below, Extended above) {
    const Extended difference = (above - below) / (2 * h);
    CHECK_AT_MOST(std::fabs(derivative - difference), kStep * (1 + std::fabs(difference)), what);
  };
  check(by_x, low.deficit, high.deficit);
  check(slope_by_x, low.slope, high.slope);
}

// The moment and scalars of rows in each type, and their derivatives by log q.
template <class A>
void check_row(const Case<A>& c, double q) {
  const A act = c.act();
  const std::string what = where(c.name, q, q, 0);
  using J = Jet<Extended, 1>;
  const Extended exact_q = q, h = 1e-6L;
  const auto best = act.template row_step<Extended>(exact_q);
  const auto in_double = act.template row_step<double>(q);
  const auto wide = act.template row_step<WideDouble>(WideDouble(q));
  const auto low = act.template row_step<Extended>(exact_q * std::exp(-h));
  const auto high = act.template row_step<Extended>(exact_q * std::exp(h));
  const auto jet = act.template row_step<J>(J::of(exact_q, [&](int) { return exact_q; }));
  const auto check = [&](Extended value, double plain, WideDouble in_wide, J in_jet, Extended below,
                         Extended above, Extended size) {
    CHECK_AT_MOST(std::fabs(plain - value), 4e-15 * size, what);  // of cancelling powers
    CHECK_AT_MOST(std::fabs(static_cast<double>(in_wide) - value), 1.2e-16 * size, what);
    CHECK_AT_MOST(std::fabs(in_jet.value - value), 1e-18 * size, what);
    CHECK_AT_MOST(std::fabs(in_jet.by[0] - (above - below) / (2 * h)), 1e-9 * size, what);
  };
  check(best.second_moment, in_double.second_moment, wide.second_moment, jet.second_moment,
        low.second_moment, high.second_moment, best.second_moment);
  check(best.slope, in_double.slope, wide.slope, jet.slope, low.slope, high.slope, 1 + best.slope);
  for (int k = 0; k < A::kRowScalars; ++k) {
    check(best.scalars[k], in_double.scalars[k], wide.scalars[k], jet.scalars[k], low.scalars[k],
          high.scalars[k], 1);
  }
}

template <class A>
void check(const Case<A>& c) {
  for (const double q : kVariances) {
    check_row(c, q);
    for (const double p : kVariances) {
      if (A::kRowScalars == 0 && p != q)
        continue;  // nothing of the pair step depends on them
      for (const double x : kDeficits) {
        check_pair(c, q, p, x);
        check_derivatives(c, q, p, x);
      }
    }
  }
  // The flag against the dual itself: polynomials may have one that is not told to be non-negative.
  Extended least = 1;
  for (const double q : {1e-3, 1.0, 30.0, 1e8}) {
    for (const double p : {1e-3, 1.0, 30.0, 1e8}) {
      for (const double x : kDeficits)
        least = std::fmin(least, 1 - 2 * pair<kAnyAngle, A, Extended>(c.act(), q, p, x).deficit);
    }
  }
  const bool non_negative = least > -1e-18L;
  if (std::is_same_v<A, Polynomial>)
    CHECK(non_negative || !c.act().dual_is_non_negative());
  else
    CHECK_EQUAL(c.act().dual_is_non_negative(), non_negative);
}

// Rows beyond the range of the moment keep finite scalars, and zero rows have theirs.
void check_extremes(const Case<Polynomial>& c) {
  const double at_zero = c.parameters[0];
  CHECK_EQUAL(c.act().row_step<double>(0).second_moment, at_zero * at_zero);
  CHECK_EQUAL(c.act().square_at_zero(), at_zero * at_zero);
  for (const double q : {0.0, 1e-300, 1e-40, 1e40, 1e300}) {
    const auto row = c.act().row_step<double>(q);
    double norm = 0;
    for (int k = 0; k < Polynomial::kRowScalars; ++k)
      norm += row.scalars[k] * row.scalars[k];
    CHECK_AT_MOST(std::fabs(norm - 1), 1e-15, c.name);
  }
}

// Almost |u|: rows of opposite directions are (a + b)^2 / (2 (a^2 + b^2)) apart.
void check_almost_even() {
  const double ab[] = {-1, 1 + 1e-9}, none[] = {0};
  const double gap = ab[0] + ab[1], expected = gap * gap / (2 * (1 + ab[1] * ab[1]));
  const double deficit = PiecewiseLinear(ab).pair_step<kFolded>(-1e-37, none, none).deficit;
  CHECK_AT_MOST(std::fabs(deficit - expected), 1e-15 * expected, "almost even");
}

}  // namespace

int main() {
  for (const Numbers& ab : std::vector<Numbers>{{0.01, 1},
                                                {-1, 1},
                                                {1, 1},
                                                {0.3, 0.3},
                                                {0, 1},
                                                {-0.9, 1.1},
                                                {2, 3},
                                                {-1, 1e-9},
                                                {1, 1 - 1e-9}})
    check(Case<PiecewiseLinear>{"piecewise linear", ab});
  check_almost_even();
  check(Case<ReluSquared>{"squared ReLU", {}});
  check(Case<ReluCubed>{"cubed ReLU", {}});
  check(Case<Step>{"step", {}});
  check(Case<Sign>{"sign", {}});
  for (const Case<Polynomial>& c :
       std::vector<Case<Polynomial>>{{"u", {0, 1, 0, 0, 0, 0, 0, 0, 0}},
                                     {"u^2", {0, 0, 1, 0, 0, 0, 0, 0, 0}},
                                     {"u^3", {0, 0, 0, 1, 0, 0, 0, 0, 0}},
                                     {"u^8", {0, 0, 0, 0, 0, 0, 0, 0, 1}},
                                     {"Hermite 8", {105, 0, -420, 0, 210, 0, -28, 0, 1}},
                                     {"Hermite 7", {0, -105, 0, 105, 0, -21, 0, 1, 0}},
                                     {"general", {1, -1, 0.5, 0.25, 0, 0.125, -0.0625, 0, 0.01}},
                                     {"nearly constant", {1, 1e-3, 0, 0, 0, 0, 0, 0, 0}},
                                     {"even", {2, 0, 1, 0, 0.5, 0, 0.1, 0, 0}}}) {
    check(c);
    check_extremes(c);
  }
  check_pair(Case<Polynomial>{"constant", {-3, 0, 0, 0, 0, 0, 0, 0, 0}}, 1, 2, 0.3);
  return test::summary();
}
