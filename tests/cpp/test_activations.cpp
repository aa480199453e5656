// SPDX-License-Identifier: Apache-2.0
// f and f' of ReLU and erf against long double, in units in the last place; families of activations have
// tests of their own.
#include <cmath>
#include <limits>

#include "check.h"
#include "common/activations.h"

namespace {

long double exact_value(fastntk::Relu, long double u) { return u > 0 ? u : 0; }
long double exact_slope(fastntk::Relu, long double u) { return u > 0; }
long double exact_value(fastntk::Erf, long double u) { return erfl(u); }
long double exact_slope(fastntk::Erf, long double u) {
  return 2 / sqrtl(acosl(-1.0L)) * expl(-u * u);
}

// Numbers below the smallest normal one are spaced as that is.
template <class T>
long double units(T found, long double exact) {
  if (std::isinf(found))
    return std::isinf(static_cast<T>(exact)) ? 0 : INFINITY;
  const T size = std::fmax(std::fabs(static_cast<T>(exact)), std::numeric_limits<T>::min());
  const T unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
  return fabsl(found - exact) / unit;
}

template <class T, class F>
void check(F act) {
  constexpr double kBound = 2;
  const auto at = [&](T u) {
    CHECK_AT_MOST(units(act.value(u), exact_value(act, u)), kBound, u);
    CHECK_AT_MOST(units(act.slope(u), exact_slope(act, u)), kBound, u);
  };
  for (const T sign : {T(1), T(-1)}) {
    for (int k = 0; k < 200000; ++k)
      at(sign * static_cast<T>(k) * static_cast<T>(27.5 / 200000));
    for (int exponent = -140; exponent < 120; ++exponent)
      at(sign * std::ldexp(T(1.37), exponent));
    at(sign * std::numeric_limits<T>::infinity());
    at(sign * std::numeric_limits<T>::max());
    at(sign * T(0));
  }
  CHECK(std::isnan(act.value(std::numeric_limits<T>::quiet_NaN())));
}

}  // namespace

int main() {
  check<float>(fastntk::Relu(nullptr));
  check<double>(fastntk::Relu(nullptr));
  check<float>(fastntk::Erf(nullptr));
  check<double>(fastntk::Erf(nullptr));
  return test::summary();
}
