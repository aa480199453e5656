// SPDX-License-Identifier: Apache-2.0
// exp and expm1 of numbers, packs and jets, against long double in units in the last place.
#define FASTNTK_ISA test
#include "cpu/isa/exponentials.h"

#include <cmath>

#include "check.h"
#include "common/activations/root_norms.h"

namespace {

using namespace fastntk;
using fastntk::cpu::test::Pack;

// Numbers below the smallest normal one are spaced as that is.
template <class T>
double units(T found, Extended exact) {
  const T size = std::fmax(std::fabs(static_cast<T>(exact)), std::numeric_limits<T>::min());
  const T unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
  return static_cast<double>(std::fabs(found - exact) / unit);
}

template <class T>
Exponentials<T> in_pack(T a) {
  const Exponentials<Pack<T>> lanes = exponentials(Pack<T>(a));
  return {lanes.value.v[1], lanes.minus_one.v[1]};
}

template <class T>
void check_at(T a) {
  for (const Exponentials<T> found : {exponentials(a), in_pack(a)}) {
    CHECK_AT_MOST(units(found.value, std::exp(Extended(a))), 1.0, a);
    CHECK_AT_MOST(units(found.minus_one, std::expm1(Extended(a))), a > 0 ? 2.0 : 1.2, a);
  }
  CHECK_EQUAL(exponential(Pack<T>(a)).v[0], in_pack(a).value);
  CHECK_EQUAL(exponential_minus_one(Pack<T>(a)).v[0], in_pack(a).minus_one);
}

template <class T>
void numbers() {
  const T least = ExponentialConstants<T>::kLeast, most = ExponentialConstants<T>::kMost;
  constexpr int kSteps = 50000;
  for (int i = 0; i <= kSteps; ++i) {
    const T share = static_cast<T>(i) / kSteps;
    check_at(least + share * (most - least));
    check_at(4 * share - 2);  // where e^a - 1 changes its form
  }
  for (int exponent = -120; exponent < 0; ++exponent) {
    for (const T sign : {T(1), T(-1)})
      check_at(sign * std::ldexp(T(1.37), exponent));
  }
  CHECK_EQUAL(exponentials(T(0)).minus_one, T(0));
}

template <class T>
void extremes() {
  const T infinity = std::numeric_limits<T>::infinity();
  const T first_lost = std::nextafter(ExponentialConstants<T>::kLeast, -infinity);
  for (const T a : {first_lost, T(-1e30), -infinity}) {
    CHECK_EQUAL(in_pack(a).value, T(0));
    CHECK_EQUAL(in_pack(a).minus_one, T(-1));
  }
  const T largest = in_pack(ExponentialConstants<T>::kMost).value;
  CHECK(largest > std::numeric_limits<T>::max() / 2 && std::isfinite(largest));
  for (const T a : {T(1e30), infinity})
    CHECK_EQUAL(in_pack(a).value, largest);
  CHECK(std::isfinite(in_pack(std::numeric_limits<T>::quiet_NaN()).value));
}

// Double's digits, and exponents that it has not.
void wide() {
  for (const double a : {-11000.0, -800.3, -2.0, -1e-9, 0.0, 1e-300, 0.7, 39.9, 40.1, 11000.0}) {
    const auto error = [](WideDouble found, Extended exact) {
      // exp and expm1 of the library: a unit each; expm1 of above 40 is exp.
      const WideDouble scaled =
          found * exponential(WideDouble(exact == 0 ? 0 : -std::floor(std::log(std::fabs(exact)))));
      const Extended wanted =
          exact * std::exp(exact == 0 ? 0 : -std::floor(std::log(std::fabs(exact))));
      return std::fabs(static_cast<double>(scaled) - wanted);
    };
    constexpr double kBound = 2e-15;  // of numbers below e
    CHECK_AT_MOST(error(exponential(WideDouble(a)), std::exp(Extended(a))), kBound, a);
    CHECK_AT_MOST(error(exponential_minus_one(WideDouble(a)), std::expm1(Extended(a))), kBound, a);
  }
  const WideDouble far(1e6);
  CHECK_AT_MOST(std::fabs(static_cast<double>(exponential(far) * exponential(0 - far)) - 1), 1e-15,
                "e^a e^-a");
  CHECK_EQUAL(static_cast<double>(exponential(WideDouble(-1e200))), 0.0);
  CHECK_EQUAL(static_cast<double>(exponential(WideDouble(1e200))), HUGE_VAL);
}

template <class R>
void jets() {
  using J = Jet<R, 2>;
  for (const R a : {R(-3), R(-0.01), R(0.5)}) {
    const J jet = J::of(a, [](int i) { return R(i + 1); });
    const R plain = exponential(a);
    const Exponentials<J> both = exponentials(jet);
    for (const J& found :
         {exponential(jet), exponential_minus_one(jet), both.value, both.minus_one}) {
      for (int i = 0; i < 2; ++i)
        CHECK_AT_MOST(std::fabs(found.by[i] - plain * (i + 1)), R(1e-15) * (i + 1), i);
    }
    CHECK_EQUAL(exponential_minus_one(jet).value, exponential_minus_one(a));
  }
}

// hi + lo is the number, hi a float.
void parts() {
  const Extended root = std::sqrt(Extended(3e5));
  const Extended hi = leading_part(root);
  CHECK_EQUAL(hi, Extended(static_cast<float>(root)));
  CHECK_EQUAL(static_cast<double>(leading_part(WideDouble(0.1))), double(0.1f));
  const Jet<double, 1> jet = leading_part(Jet<double, 1>::of(0.1, [](int) { return 1.0; }));
  CHECK_EQUAL(jet.value, double(0.1f));
  CHECK_EQUAL(jet.by[0], 0.0);
}

}  // namespace

int main() {
  numbers<float>();
  numbers<double>();
  extremes<float>();
  extremes<double>();
  wide();
  jets<double>();
  jets<Extended>();
  parts();
  return test::summary();
}
