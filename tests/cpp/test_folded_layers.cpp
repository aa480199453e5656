// SPDX-License-Identifier: Apache-2.0
// Nearly opposite rows behind activations that leave them so: the angle of the next layer keeps its
// digits, by x in folded form.
#include <cmath>

#include "check.h"
#include "common/activations.h"
#include "common/layer.h"

namespace {

using namespace fastntk;

template <class T>
struct Rows {
  T scalars[kMaxRowScalars] = {};
  MixingScalars<T> mixing;
};

// A row of variance q and what the next linear map of weight_std 1 makes of it.
template <class T, class Act>
Rows<T> row(const Act& act, double q, double bias_std) {
  const RowDual<Extended> dual = act.template row_step<Extended>(Extended(q));
  const Extended next = dual.second_moment + Extended(bias_std) * bias_std;
  Rows<T> all;
  for (int k = 0; k < Act::kRowScalars; ++k)
    all.scalars[k] = static_cast<T>(dual.scalars[k]);
  all.mixing = {static_cast<T>(std::sqrt(dual.second_moment / next)),
                static_cast<T>(bias_std / std::sqrt(next))};
  return all;
}

template <class T, class Act>
AngleState<T> layer(const Act& act, AngleState<T> state, double q, double p, double bias_std) {
  const Rows<T> a = row<T>(act, q, bias_std), b = row<T>(act, p, bias_std);
  return mix(act.template pair_step<kFolded>(state.x, a.scalars, b.scalars), state.t, a.mixing,
             b.mixing, AllTrained{});
}

// One layer, and the slope of ReLU behind it: 1 - theta / pi, small for opposite rows.
template <class Act>
void check(const char* name, const Act& act) {
  for (const double x : {-1e-37, -1e-20, -1e-12, -1e-6, -0.1, -0.5, 0.5, 0.1, 1e-6, 0.0}) {
    for (const double p : {1.0, 1.7}) {
      for (const double bias_std : {0.0, 1e-8, 0.1, 30.0}) {
        const auto state = layer<double>(act, {x, 1 - 2 * unfold(x)}, 1, p, bias_std);
        const auto exact = layer<Extended>(act, {x, 1 - 2 * unfold(Extended(x))}, 1, p, bias_std);
        CHECK(state.x >= -0.5 && state.x <= 0.5 + 1e-15);
        const double relu = Relu::pair_step<kFolded, double>(state.x, nullptr, nullptr).slope;
        const Extended expected =
            Relu::pair_step<kFolded, Extended>(exact.x, nullptr, nullptr).slope;
        // Roundings of 1, and of the angle's larger part where rows scale differently.
        CHECK_AT_MOST(std::fabs(relu - expected), 6e-16, name);
      }
    }
  }
}

// The identity changes nothing, to the last of opposite rows.
void check_identity() {
  const double ab[] = {1, 1};
  for (const double x : {-1e-30, -1e-12, -0.3, 0.3, 1e-12, 0.0}) {
    const auto state = layer<double>(PiecewiseLinear(ab), {x, 0}, 1, 1, 0);
    CHECK_AT_MOST(std::fabs(state.x - x), 1e-16 * std::fabs(x) + 1e-36, x);
  }
}

}  // namespace

int main() {
  check_identity();
  const double identity[] = {1, 1}, leaky[] = {0.9, 1}, even[] = {-1, 1};
  check("identity", PiecewiseLinear(identity));
  check("leaky", PiecewiseLinear(leaky));
  check("absolute value", PiecewiseLinear(even));
  check("sign", Sign(nullptr));
  const double cube[] = {0, 0, 0, 1, 0, 0, 0, 0, 0}, odd[] = {0, -105, 0, 105, 0, -21, 0, 1, 0};
  const double mixed[] = {1e-9, 1, 0, 0.5, 0, 0, 0, 0, 0};
  check("cube", Polynomial(cube));
  check("odd", Polynomial(odd));
  check("nearly odd", Polynomial(mixed));
  const double sine[] = {0, 1}, nearly_sine[] = {1e-9, 1};
  check("erf", Erf(nullptr));
  check("sin", Sinusoid(sine));
  check("nearly sin", Sinusoid(nearly_sine));
  return test::summary();
}
