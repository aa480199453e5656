// SPDX-License-Identifier: Apache-2.0
#include "cpu/limiting_plan.h"

#include <algorithm>
#include <cmath>

namespace fastntk::cpu {
namespace {

// The arc-cosine kernel of order one: what a ReLU layer makes of a cosine.
double arc_cosine(double c) {
  const double theta = std::acos(std::min(c, 1.0));
  return (std::sin(theta) + (M_PI - theta) * c) / M_PI;
}

// The highest level whose range holds every cosine from `least` on.
int level_of(double least) {
  constexpr double kSlack = 1e-6;  // the polynomials err no more so close outside of their ranges
  int level = kAcute;
  double bound = 0;
  while (level < kDeeper && least >= (bound = arc_cosine(bound)) - kSlack)
    ++level;
  return level;
}

// Rows whose mixing is (w, v) = (cos a, sin a) with a in [low, high] take a cosine c to at least
// this: c cos a cos a' + sin a sin a' is concave in each angle, so it is least at ends of the range.
template <class T>
double mixed_bound(double c, const LayerRows<T>& a, long rows_a, const LayerRows<T>& b,
                   long rows_b) {
  const auto [least_a, most_a] = std::minmax_element(a.w.data(), a.w.data() + rows_a);
  const auto [least_b, most_b] = std::minmax_element(b.w.data(), b.w.data() + rows_b);
  const double least = std::min<double>(1, std::min(*least_a, *least_b));
  const double most = std::min<double>(1, std::max(*most_a, *most_b));
  const auto mixed = [c](double w, double other) {
    return c * w * other + std::sqrt((1 - w * w) * (1 - other * other));
  };
  return std::min({mixed(least, least), mixed(least, most), mixed(most, most)});
}

}  // namespace

template <class T>
std::vector<LayerPlan> plan_layers(const Network& network, const Operand<T>& rows,
                                   const Operand<T>& cols, bool non_negative) {
  const long m = rows.samples.rows, n = cols.samples.rows;
  std::vector<LayerPlan> plan;
  int level = non_negative ? kAcute : kFolded;
  double least = 0;  // cosine, where the level is one of acute angles
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const Activation activation = network.activations[l];
    const LayerRows<T>& a = rows.table.layers[l];
    const LayerRows<T>& b = cols.table.layers[l];
    const bool equal = one_number(a.w, m, b.w, n) && one_number(a.v, m, b.v, n);
    plan.push_back({activation, level, equal});
    if (!activation_dual_is_non_negative(activation)) {
      level = kAnyAngle;
    } else {
      // Folded data have lost their signs after the layer, but had obtuse angles before it.
      const bool narrows = activation == Activation::kRelu && level >= kAcute;
      least = mixed_bound(narrows ? arc_cosine(least) : 0, a, m, b, n);
      level = level_of(least);
    }
  }
  return plan;
}

template std::vector<LayerPlan> plan_layers(const Network&, const Operand<float>&,
                                            const Operand<float>&, bool);
template std::vector<LayerPlan> plan_layers(const Network&, const Operand<double>&,
                                            const Operand<double>&, bool);

}  // namespace fastntk::cpu
