// SPDX-License-Identifier: Apache-2.0
// GELU: row and pair steps against their definition and against themselves in long double, their
// derivatives by differences, and the function itself in units in the last place.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "common/activations/gelu.h"
#include "common/jet_angle.h"
#include "common/wide_double.h"

namespace {

using namespace fastntk;

const Gelu kGelu(nullptr);
const std::vector<double> kVariances = {1e-6, 1e-3, 0.05, 0.7, 1, 3, 40, 1e3, 1e6};
const std::vector<double> kDeficits = {0, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.3, 0.5, 0.7, 1 - 1e-6, 1};

template <class T>
struct Row {
  T scalars[kMaxRowScalars] = {};
  explicit Row(double q) {
    const RowDual<Extended> dual = kGelu.row_step<Extended>(q);
    for (int k = 0; k < Gelu::kRowScalars; ++k)
      scalars[k] = T(static_cast<Scalar<T>>(dual.scalars[k]));
  }
};

template <int kLevel, class T>
PairDual<T> pair(double q, double p, T x) {
  return kGelu.pair_step<kLevel>(x, Row<T>(q).scalars, Row<T>(p).scalars);
}

double folded(double x) { return x > 0.5 ? std::fmin(x - 1, -1e-37) : x; }

std::string where(double q, double p, double x) {
  std::ostringstream text;
  text.precision(17);
  text << "q=" << q << " q'=" << p << " x=" << x;
  return text.str();
}

// E[f(u) f(v)] and E[f'(u) f'(v)] as in gelu.h.
PairDual<Extended> definition(Extended q, Extended p, Extended s) {
  const Extended u = 1 + q, v = 1 + p, delta = u * v - s * s;
  const Extended i = 0.25L + std::asin(s / std::sqrt(u * v)) / (2 * kExtendedPi);
  const Extended j = 1 / (2 * kExtendedPi * std::sqrt(delta));
  return {s * i + j * (q * p - s * s + s * s / u + s * s / v),
          i + j * s * (1 / u + 1 / v + 1 / delta)};
}

void check_definition(double q, double p, double x) {
  const Extended s = std::sqrt(Extended(q) * p) * (1 - 2 * Extended(x));
  const PairDual<Extended> expected = definition(q, p, s);
  const Extended own = definition(q, q, q).deficit, other = definition(p, p, p).deficit;
  const Extended norm = std::sqrt(own * other);
  const PairDual<Extended> found = pair<kAnyAngle, Extended>(q, p, x);
  constexpr double kRounding = 3e-17;  // a rounding of 1e-19 times q, which cancels in Delta
  CHECK_AT_MOST(std::fabs((1 - expected.deficit / norm) / 2 - found.deficit), kRounding,
                where(q, p, x));
  CHECK_AT_MOST(std::fabs(expected.slope * std::sqrt(Extended(q) * p) / norm - found.slope),
                kRounding, where(q, p, x));
}

// A deficit's root is the angle of the next layer: beside a rounding of its own it may err by those
// of row scalars, as gelu.h says more for large q.
template <class T>
void check_type(double q, double p, double x, double bound) {
  const std::string what = where(q, p, x);
  const T at = static_cast<T>(x);
  const PairDual<T> found = pair<kFolded, T>(q, p, at);
  const PairDual<Extended> expected = pair<kFolded, Extended>(q, p, Extended(at));
  CHECK_AT_MOST(2 * std::fabs(found.deficit - expected.deficit), bound, what);
  CHECK_AT_MOST(std::fabs(found.slope - expected.slope), bound, what);
  const double rounding = std::numeric_limits<T>::epsilon();
  const Extended root = std::sqrt(expected.deficit);
  const double larger = std::fmax(1, std::fmin(q, p));
  CHECK_AT_MOST(std::fabs(std::sqrt(Extended(found.deficit)) - root),
                rounding * (2 + std::pow(larger, 0.25) / 4), what);
  if (p == q && x >= 0 && x <= 0.1)
    CHECK_AT_MOST(std::fabs(found.deficit - expected.deficit), 5 * rounding * expected.deficit,
                  what);
  const PairDual<T> transpose = pair<kFolded, T>(p, q, at);
  CHECK(found.deficit == transpose.deficit && found.slope == transpose.slope);
}

void check_pair(double q, double p, double x) {
  check_type<double>(q, p, folded(x), 1.5e-15);
  check_type<float>(q, p, folded(x), 6e-7);
  const PairDual<double> plain = pair<kAnyAngle, double>(q, p, x);
  const PairDual<double> in_folds = pair<kFolded, double>(q, p, folded(x));
  CHECK_AT_MOST(std::fabs(plain.deficit - in_folds.deficit), 1e-15, where(q, p, x));
  CHECK_AT_MOST(std::fabs(plain.slope - in_folds.slope), 1e-15, where(q, p, x));
}

// Price's theorem: the slope is dz / dx. By differences, and by jets, whose slopes are checked, too.
void check_derivatives(double q, double p, double x) {
  using J = Jet<double, 1>;
  const std::string what = where(q, p, x);
  const PairDual<J> jet = kGelu.pair_step<kAnyAngle>(J::of(x, [](int) { return 1.0; }),
                                                     Row<J>(q).scalars, Row<J>(p).scalars);
  CHECK_AT_MOST(std::fabs(jet.deficit.by[0] - jet.slope.value), 4e-15, what);
  CHECK(std::isfinite(jet.slope.by[0]));
  if (x < 1e-7 || x == 1)
    return;  // the first deficits are within rounding of those at 0
  const Extended h = 1e-4L * std::fmin(x, 1 - x);
  const auto low = pair<kAnyAngle, Extended>(q, p, x - h);
  const auto high = pair<kAnyAngle, Extended>(q, p, x + h);
  const Extended by_x = (high.deficit - low.deficit) / (2 * h);
  const Extended slope_by_x = (high.slope - low.slope) / (2 * h);
  constexpr double kStep = 3e-8;  // h^2 / x^2 times factors
  CHECK_AT_MOST(std::fabs(jet.deficit.by[0] - by_x), kStep, what);
  CHECK_AT_MOST(std::fabs(jet.slope.by[0] - slope_by_x), kStep * (1 + std::fabs(slope_by_x)), what);
}

// Rows in each type, and their derivatives by log q.
void check_row(double q) {
  using J = Jet<Extended, 1>;
  const std::string what = where(q, q, 0);
  const Extended h = 1e-6L;
  const auto best = kGelu.row_step<Extended>(q);
  const auto plain = kGelu.row_step<double>(q);
  const auto wide = kGelu.row_step<WideDouble>(q);
  const auto low = kGelu.row_step<Extended>(q * std::exp(-h));
  const auto high = kGelu.row_step<Extended>(q * std::exp(h));
  const auto jet = kGelu.row_step<J>(J::of(q, [&](int) { return Extended(q); }));
  // 2 / pi is that of a double in jets; WideDouble is rounded to one.
  const auto check = [&](auto of) {
    const Extended expected = of(best), size = std::fabs(expected);
    CHECK_AT_MOST(std::fabs(of(plain) - expected), 6e-16 * size, what);
    CHECK_AT_MOST(std::fabs(static_cast<double>(of(wide)) - expected), 1.2e-16 * size, what);
    CHECK_AT_MOST(std::fabs(of(jet).value - expected), 1.2e-16 * size, what);
    CHECK_AT_MOST(std::fabs(of(jet).by[0] - (of(high) - of(low)) / (2 * h)), 1e-9 * size, what);
  };
  check([](const auto& row) { return row.second_moment; });
  check([](const auto& row) { return row.slope; });
  for (int k = 0; k < Gelu::kRowScalars; ++k)
    check([k](const auto& row) { return row.scalars[k]; });
}

// Where products of variances leave the range of the type, GELU is linear or ReLU.
template <class T>
void check_extremes() {
  for (const double q : {1e-300, 1e-30, 1e-10, 1.0, 1e10, 1e30, 1e300}) {
    for (const double p : {1e-300, 1e-10, 1.0, 1e20, 1e300}) {
      for (const double x : {0.0, 1e-30, 1e-12, 0.3, 0.5, -0.3, -1e-12}) {
        const PairDual<T> dual = pair<kFolded, T>(q, p, static_cast<T>(x));
        CHECK(dual.deficit >= 0 && dual.deficit <= 1 && std::isfinite(dual.slope));
      }
    }
  }
  const T rounding = std::numeric_limits<T>::epsilon(), x = T(0.3);
  const T relu = angle_and_arc_cosine<kAcute>(x).z;
  CHECK_AT_MOST(std::fabs(pair<kFolded, T>(1e300, 1e300, x).deficit - relu), 2 * rounding, "ReLU");
  CHECK_AT_MOST(std::fabs(pair<kFolded, T>(1e-300, 1e-300, x).deficit - x), 2 * rounding, "linear");
  const bool negative = pair<kAnyAngle, double>(1, 1, 1).deficit > 0.5;
  CHECK(negative && !kGelu.dual_is_non_negative());
}

// In units of the result, and of the slope's larger part where they cancel; numbers below the smallest
// normal one are spaced as that is.
template <class T>
void check_function(T u) {
  const Extended exact = u, phi = std::erfc(-exact / std::sqrt(Extended(2))) / 2;
  const Extended bell = std::exp(-exact * exact / 2) / std::sqrt(2 * kExtendedPi);
  const auto units = [](Extended error, Extended result) {
    const T size = std::fmax(std::fabs(static_cast<T>(result)), std::numeric_limits<T>::min());
    return std::fabs(error) / (std::nextafter(size, std::numeric_limits<T>::infinity()) - size);
  };
  const Extended value = exact * phi, slope = phi + exact * bell;
  const Extended larger = std::fmax(std::fabs(slope), std::fmax(phi, std::fabs(exact * bell)));
  // erfc itself comes within 5 units in the GNU library. Where Phi is no normal number, u times its
  // spacing.
  const bool vanishes = phi < std::numeric_limits<T>::min();
  const double bound = vanishes ? 48 : u < 0 ? 6 : 2;
  CHECK_AT_MOST(units(kGelu.value(u) - value, value), bound, u);
  CHECK_AT_MOST(units(kGelu.slope(u) - slope, larger), bound, u);
}

template <class T>
void check_function() {
  using Limits = std::numeric_limits<T>;
  for (int k = 0; k < 50000; ++k) {
    check_function(static_cast<T>(k) * static_cast<T>(38.5 / 50000));
    check_function(static_cast<T>(-k) * static_cast<T>(38.5 / 50000));
  }
  for (int exponent = -120; exponent < 120; ++exponent) {
    check_function(std::ldexp(T(1.37), exponent));
    check_function(-std::ldexp(T(1.37), exponent));
  }
  CHECK_EQUAL(kGelu.value(Limits::infinity()), Limits::infinity());
  CHECK_EQUAL(kGelu.value(-Limits::infinity()), 0);
  CHECK_EQUAL(kGelu.slope(Limits::infinity()), 1);
  CHECK_EQUAL(kGelu.slope(-Limits::infinity()), 0);
  CHECK(std::isnan(kGelu.value(Limits::quiet_NaN())));
}

}  // namespace

int main() {
  for (const double q : kVariances) {
    check_row(q);
    for (const double x : kDeficits) {
      for (const double p : kVariances) {
        check_pair(q, p, x);
        check_derivatives(q, p, x);
        if (q <= 40 && p <= 40)
          check_definition(q, p, x);
      }
      for (double apart = 1e-9; apart < 1e-2; apart *= 10)
        check_pair(q, q * (1 + apart), x);
    }
  }
  check_extremes<float>();
  check_extremes<double>();
  check_function<float>();
  check_function<double>();
  return test::summary();
}
