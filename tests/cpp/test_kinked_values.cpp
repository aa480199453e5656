// SPDX-License-Identifier: Apache-2.0
// f and f' of the activations with kinks, in units in the last place, and of polynomials, in
// roundings of their terms.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "common/activations/piecewise_linear.h"
#include "common/activations/polynomial.h"
#include "common/activations/relu_power.h"
#include "common/activations/step.h"

namespace {

using namespace fastntk;

template <class T>
std::vector<T> points() {
  std::vector<T> all = {0, T(-0.0), std::numeric_limits<T>::min(), -std::numeric_limits<T>::min()};
  for (int exponent = -30; exponent < 12; ++exponent) {
    for (const double mantissa : {1.0, 1.37, 1.9999})
      for (const double sign : {1.0, -1.0})
        all.push_back(static_cast<T>(sign * std::ldexp(mantissa, exponent)));
  }
  return all;
}

constexpr int kUnits = 2;

// Of results above the smallest normal number.
template <class T, class A, class Value, class Slope>
void check_units(const A& act, Value value, Slope slope) {
  const auto units = [](T found, long double exact) {
    const long double lost = fabsl(found - exact) / std::numeric_limits<T>::epsilon();
    return lost / std::fmax(fabsl(exact), static_cast<long double>(std::numeric_limits<T>::min()));
  };
  for (const T u : points<T>()) {
    CHECK_AT_MOST(units(act.value(u), value(u)), kUnits, u);
    CHECK_AT_MOST(units(act.slope(u), slope(u)), kUnits, u);
  }
  CHECK(std::isnan(act.value(std::numeric_limits<T>::quiet_NaN())));
}

template <class T>
void check_kinks() {
  using L = long double;
  const double ab[] = {-0.01, 1.1};
  check_units<T>(
      PiecewiseLinear(ab), [&](L u) { return (u < 0 ? ab[0] : ab[1]) * u; },
      [&](L u) { return L(u > 0 ? ab[1] : ab[0]); });
  check_units<T>(
      ReluSquared(nullptr), [](L u) { return u > 0 ? u * u : 0; },
      [](L u) { return u > 0 ? 2 * u : 0; });
  check_units<T>(
      ReluCubed(nullptr), [](L u) { return u > 0 ? u * u * u : 0; },
      [](L u) { return u > 0 ? 3 * u * u : 0; });
  check_units<T>(Step(nullptr), [](L u) { return L(u > 0); }, [](L) { return L(0); });
  check_units<T>(Sign(nullptr), [](L u) { return L(u > 0) - L(u < 0); }, [](L) { return L(0); });
}

template <class T>
void check_polynomial(const std::vector<double>& c) {
  const Polynomial act(c.data());
  const int roundings = Polynomial::kDegree + 2;
  constexpr T kEpsilon = std::numeric_limits<T>::epsilon();
  for (const T u : points<T>()) {
    constexpr T kLost = std::numeric_limits<T>::min();  // by what underflows
    long double value = 0, slope = 0, terms = 0, slope_terms = 0;
    for (int k = 0; k <= Polynomial::kDegree; ++k) {
      const long double term = c[k] * std::pow(static_cast<long double>(u), k);
      const long double derivative =
          k == 0 ? 0 : k * c[k] * std::pow(static_cast<long double>(u), k - 1);
      value += term;
      slope += derivative;
      terms += std::fabs(term);
      slope_terms += std::fabs(derivative);
    }
    CHECK_AT_MOST(std::fabs(act.value(u) - value), roundings * kEpsilon * terms + kLost, u);
    CHECK_AT_MOST(std::fabs(act.slope(u) - slope), roundings * kEpsilon * slope_terms + kLost, u);
  }
  CHECK(std::isnan(act.value(std::numeric_limits<T>::quiet_NaN())));
  CHECK(!std::isnan(act.value(std::numeric_limits<T>::infinity())));
  CHECK(!std::isnan(act.value(std::numeric_limits<T>::max())));
}

template <class T>
void check_polynomials() {
  check_polynomial<T>({1, -1, 0.5, 0.25, 0, 0.125, -0.0625, 0, 0.01});
  check_polynomial<T>({0, -105, 0, 105, 0, -21, 0, 1, 0});
  check_polynomial<T>({0, 0, 0, 1, 0, 0, 0, 0, 0});
  check_polynomial<T>({2, 0, 0, 0, 0, 0, 0, 0, 0});
}

}  // namespace

int main() {
  check_kinks<float>();
  check_kinks<double>();
  check_polynomials<float>();
  check_polynomials<double>();
  return test::summary();
}
