// SPDX-License-Identifier: Apache-2.0
// The row step of every layer for one row: what the pair steps read of it, and its own kernel value.
#pragma once

#include <type_traits>

#include "common/activations.h"
#include "common/layer.h"
#include "common/network.h"

namespace fastntk {

// Where numbers of a row may lie for doubles to carry them without loss.
FASTNTK_HD bool safe_in_double(double value) { return value > 1e-280 && value < 1e280; }

template <class Real>
struct RowEnd {
  Real q;     // variance of the last layer
  bool safe;  // false where Real is double and has lost digits at an end of its range
};

// The variance that the activation behind a map is given. With Theta / sqrt(q q') and the cosines, of
// which pair steps are made, layer normalisation does nothing.
template <class Real>
FASTNTK_HD Real normalised(Real q, const LinearMap& map) {
  return map.normal_std > 0 && q > Real(0.0) ? Real(map.normal_std * map.normal_std) : q;
}

// Real: double, or Extended or WideDouble, which have the range for everything.
//   weights: what the weights add to the variance of the first preactivation;
//   shares(output, map): Shares<double>;   theta[outputs]: the row's kernel values;
//   Sink::Some: the activations that layers may have; Sink::kSkips: whether they may have skip connections;
//   sink.first(w, v), sink.scalar(l, k, scalar), sink.layer(l, w, v, r): what it is told, whether safe or not.
template <class Real, class SharesOf, class Sink>
FASTNTK_HD RowEnd<Real> row_recursion(const LinearMap* maps, const Activation* activations,
                                      int hidden_layers, const SharesOf& shares, int outputs,
                                      Real weights, Real* theta, const Sink& sink) {
  const Real none(0.0), one(1.0);
  bool safe = true;
  const auto check = [&]([[maybe_unused]] Real value) {
    if constexpr (std::is_same_v<Real, double>)
      safe = safe && safe_in_double(value);
  };
  const Real bias = Real(maps[0].bias_std) * maps[0].bias_std;
  check(weights);
  Real q = weights + bias;
  Real inverse = q > none ? one / q : none;
  sink.first(q > none ? square_root(weights * inverse) : one, square_root(bias * inverse));
  for (int o = 0; o < outputs; ++o) {
    const Shares<double> share = shares(o, 0);
    theta[o] = share.weights * weights + share.biases * bias;
  }
  for (int l = 0; l < hidden_layers; ++l) {
    const LinearMap& map = maps[l + 1];
    // A zero row has no angle. Where f(0) is 0 nothing is left of it, and any scalars do; else all
    // formulas hold at q = 0.
    using Some = typename Sink::Some;
    const bool empty = !(q > none) && !(activation_square_at_zero<Some>(activations[l]) > 0);
    const RowMoments<Real> dual =
        activation_row_step<Some>(activations[l], empty ? one : normalised(q, maps[l]),
                                  [&](int k, Real scalar) { sink.scalar(l, k, scalar); });
    const Real moment = empty ? none : dual.second_moment;
    const Real weight_part = map.weight_std * map.weight_std * moment;
    const Real bias_part(map.bias_std * map.bias_std);
    Real next = weight_part + bias_part, derivative = weight_part * dual.slope * inverse;
    Real skip_part = none;
    if constexpr (Sink::kSkips) {
      const Real skip_factor(map.skip * map.skip);
      skip_part = skip_factor * q;
      next = next + skip_part;
      derivative = derivative + skip_factor;
    }
    for (int o = 0; o < outputs; ++o) {
      const Shares<double> share = shares(o, l + 1);
      if (theta[o] > none || none > theta[o])
        check(theta[o]);
      theta[o] = derivative * theta[o] + share.weights * weight_part + share.biases * bias_part;
    }
    check(weight_part);
    check(next);
    inverse = next > none ? one / next : none;
    sink.layer(l, next > none ? square_root(weight_part * inverse) : one,
               square_root(bias_part * inverse), square_root(skip_part * inverse));
    q = next;
  }
  return {q, safe};
}

}  // namespace fastntk
