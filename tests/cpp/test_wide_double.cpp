// SPDX-License-Identifier: Apache-2.0
// Arithmetic with 106 bits and a wide exponent: against long double, and by identities that need
// more digits than that has.
#include <cmath>

#include "check.h"
#include "common/activations.h"
#include "common/wide_double.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::WideDouble;
using Real = long double;

constexpr long kTries = 20000;
// Of the last bit of long double where it is the longer one's.
constexpr double kLong = 0x1p-62;
// A few roundings of 2^-104.
constexpr double kWide = 0x1p-101;

// |a - b| / |b|, of numbers within double's range.
double relative(WideDouble a, WideDouble b) { return std::abs(static_cast<double>((a - b) / b)); }
Real value(WideDouble a) {
  const double high = static_cast<double>(a);
  return Real(high) + static_cast<double>(a - high);
}
double error(WideDouble a, Real wanted) {
  return static_cast<double>(std::abs((value(a) - wanted) / wanted));
}

double number(Random& random, int exponents) {
  const int exponent = static_cast<int>(random.below(2 * exponents)) - exponents;
  return std::ldexp(1 + random.uniform(), exponent);
}

void operations() {
  Random random(1);
  for (long i = 0; i < kTries; ++i) {
    const double a = number(random, 100), b = number(random, 100);
    const WideDouble third = WideDouble(a) / 3, wide(b);
    CHECK_AT_MOST(error(third, Real(a) / 3), kLong, a);
    CHECK_AT_MOST(error(third * wide, Real(a) / 3 * b), kLong, a);
    CHECK_AT_MOST(error(third + wide, Real(a) / 3 + b), kLong, a);
    CHECK_AT_MOST(error(square_root(third), std::sqrt(Real(a) / 3)), kLong, a);
    CHECK_AT_MOST(error(arc_tangent(third, wide), std::atan2(Real(a) / 3, Real(b))), kLong, a);
    CHECK_EQUAL(third > wide, a / 3 > b);
  }
}

void identities() {
  const WideDouble half_pi = 1 / fastntk::two_over_pi<WideDouble>();
  Random random(2);
  for (long i = 0; i < kTries; ++i) {
    const WideDouble a = WideDouble(number(random, 20)) / 7, b = WideDouble(number(random, 20)) / 3;
    CHECK_AT_MOST(relative(a / b * b, a), kWide, i);
    CHECK_AT_MOST(relative(square_root(a) * square_root(a), a), kWide, i);
    CHECK_AT_MOST(relative((a + b) * (a + b), a * a + 2 * a * b + b * b), kWide, i);
    CHECK_AT_MOST(relative(arc_tangent(a, b) + arc_tangent(b, a), half_pi), kWide, i);
    // tan 2t = 2 tan t / (1 - tan^2 t)
    const WideDouble t = a > b ? b / a / 2 : a / b / 2;
    CHECK_AT_MOST(relative(2 * arc_tangent(t, 1.0), arc_tangent(2 * t, 1 - t * t)), kWide, i);
  }
}

// Exponents that no double has on the way, and the ends of double itself.
void extremes() {
  for (const double a : {5e-324, 3e-310, 1e-300, 1.5, 1e300, 1.7e308}) {
    const WideDouble wide(a), square = wide * wide;
    CHECK_EQUAL(static_cast<double>(wide), a);
    CHECK_EQUAL(static_cast<double>(square_root(square * square / square)), a);
    CHECK_EQUAL(static_cast<double>(wide + 0), a);
    CHECK_EQUAL(static_cast<double>(wide - wide), 0.0);
    if (a > 1e10)  // an angle that is its own tangent
      CHECK_EQUAL(static_cast<double>(arc_tangent(1 / square, 1.0) * square), 1.0);
  }
  CHECK_EQUAL(static_cast<double>(WideDouble(1e200) * 1e200), HUGE_VAL);
  CHECK_EQUAL(static_cast<double>(WideDouble(1e-200) * 1e-200), 0.0);
  CHECK_EQUAL(static_cast<double>(square_root(WideDouble(0))), 0.0);
  for (const double strange : {HUGE_VAL, std::nan("")}) {
    for (const double other : {1e300, 1e-300}) {
      const WideDouble a(strange), b(other);
      CHECK(!std::isfinite(static_cast<double>(a + b)) &&
            !std::isfinite(static_cast<double>(b + a)));
      CHECK(!std::isfinite(static_cast<double>(a * b)));
    }
  }
  CHECK_EQUAL(static_cast<double>(arc_tangent(WideDouble(0), WideDouble(1))), 0.0);
  CHECK_EQUAL(static_cast<double>(arc_tangent(WideDouble(1), WideDouble(0))), std::atan2(1.0, 0.0));
}

// The row steps that GPUs do with these numbers, against long double.
void row_steps() {
  using fastntk::Activation;
  using fastntk::ActivationKind;
  Activation leaky = ActivationKind::kPiecewiseLinear;
  leaky.parameters[0] = 0.1;
  leaky.parameters[1] = 1;
  const Activation activations[] = {ActivationKind::kRelu, ActivationKind::kErf, leaky};
  Random random(3);
  for (long i = 0; i < kTries / 10; ++i) {
    const double q = number(random, 500);
    for (const fastntk::Activation& activation : activations) {
      WideDouble scalars[fastntk::kMaxRowScalars];
      Real wanted_scalars[fastntk::kMaxRowScalars];
      const auto wide = activation_row_step(activation, WideDouble(q),
                                            [&](int k, WideDouble value) { scalars[k] = value; });
      const auto wanted = activation_row_step(
          activation, static_cast<Real>(q), [&](int k, Real value) { wanted_scalars[k] = value; });
      // Of large variances long double itself loses some: 1 / (1 + 2 q) comes before R^2.
      constexpr double kBound = 8 * kLong;
      CHECK_AT_MOST(error(wide.second_moment, wanted.second_moment), kBound, q);
      CHECK_AT_MOST(error(wide.slope, wanted.slope), kBound, q);
      for (int k = 0; k < activation_row_scalars(activation); ++k)
        CHECK_AT_MOST(error(scalars[k], wanted_scalars[k]), kBound, q);
    }
  }
}

}  // namespace

int main() {
  operations();
  identities();
  extremes();
  row_steps();
  return test::summary();
}
