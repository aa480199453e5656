// SPDX-License-Identifier: Apache-2.0
// sin and cos of GPUs, which any processor can run, against long double in units in the last place.
#include "common/sine.h"

#include <cmath>
#include <limits>

#include "check.h"

namespace {

using Extended = long double;

constexpr double kBound = 0.8;

double units(double found, Extended exact) {
  const double size =
      std::fmax(std::fabs(static_cast<double>(exact)), std::numeric_limits<double>::min());
  const double unit = std::nextafter(size, std::numeric_limits<double>::infinity()) - size;
  return static_cast<double>(std::fabs(found - exact) / unit);
}

void check_at(double u) {
  const fastntk::SineAndCosine found = fastntk::sine_and_cosine(u);
  CHECK_AT_MOST(units(found.sine, std::sin(Extended(u))), kBound, u);
  CHECK_AT_MOST(units(found.cosine, std::cos(Extended(u))), kBound, u);
  const fastntk::SineAndCosine opposite = fastntk::sine_and_cosine(-u);
  CHECK(opposite.sine == -found.sine && opposite.cosine == found.cosine);
}

}  // namespace

int main() {
  constexpr int kSteps = 20000;
  for (int i = 0; i <= kSteps; ++i) {
    check_at(10.0 * i / kSteps);
    check_at(std::exp2(45.0 * i / kSteps));
    // Multiples of pi / 2, rounded: what is left of r is the rounding.
    check_at(i * 1.5707963267948966);
    check_at(std::rint(std::exp2(44.0 * i / kSteps)) * 1.5707963267948966);
  }
  for (int exponent = -1074; exponent < 0; ++exponent)
    check_at(std::ldexp(1.37, exponent));
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double u : {infinity, -infinity, std::nan("")}) {
    CHECK(std::isnan(fastntk::sine_and_cosine(u).sine));
    CHECK(std::isnan(fastntk::sine_and_cosine(u).cosine));
  }
  CHECK_EQUAL(fastntk::sine_and_cosine(1e300).sine, fastntk::sine_and_cosine(0x1p45).sine);
  return test::summary();
}
