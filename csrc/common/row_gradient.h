// SPDX-License-Identifier: Apache-2.0
// The derivatives, by weight_std and by bias_std of all linear maps at once, of what
// row_recursion.h computes of a row.
//
// The mixing of a layer is an angle: w = cos phi, v = sin phi. With the weights' part P of the new
// variance q+ = P + bias_std^2 and p = d log P,
//   d phi = w turn,   turn = d bias_std / sqrt(q+) - v p / 2,
//   d log w = -v turn,   d v = w^2 turn,   d log q+ = w^2 p + 2 v d bias_std / sqrt(q+).
// So they are exactly 0 where bias_std is, and no difference of nearly equal numbers. Behind an
// activation p = 2 d log weight_std + (d log E[f(u)^2] / d log q) d log q.
#pragma once

#include "common/activations.h"
#include "common/jet.h"
#include "common/network.h"

namespace fastntk {

enum Parameter : int { kWeightStd, kBiasStd };
constexpr int kParameters = 2;

template <class Real>
struct MixingGradient {
  Real w[kParameters];
  Real v[kParameters];
  Real log_w[kParameters];
};

// A sum of the weights' part and the biases' part: the variance of a layer.
template <class Real>
struct VarianceGradient {
  Real q;
  Real log_q[kParameters];
  MixingGradient<Real> mixing;
};

// weights: the weights' part; log_weights[kParameters]: the derivatives of its logarithm.
template <class Real>
FASTNTK_HD VarianceGradient<Real> variance_gradient(Real weights, const Real* log_weights,
                                                    const LinearMap& map) {
  const Real none(0.0), one(1.0), half(0.5), two(2.0);
  const Real bias_std(map.bias_std);
  const Real q = weights + bias_std * bias_std;
  const bool zero = !(q > none);  // a zero row without bias: all that comes of it is 0
  const Real inverse_root = zero ? none : one / square_root(q);
  const Real w = zero ? one : square_root(weights) * inverse_root;
  const Real v = bias_std * inverse_root;
  VarianceGradient<Real> all;
  all.q = q;
  FASTNTK_UNROLL
  for (int i = 0; i < kParameters; ++i) {
    const Real bias_part = i == kBiasStd ? Real(map.bias_factor) * inverse_root : none;
    const Real turn = zero ? none : bias_part - half * v * log_weights[i];
    all.log_q[i] = zero ? none : w * w * log_weights[i] + two * v * bias_part;
    all.mixing.log_w[i] = -(v * turn);
    all.mixing.w[i] = w * all.mixing.log_w[i];
    all.mixing.v[i] = w * w * turn;
  }
  return all;
}

// A row's kernel values with itself, of the network of which all is trained (NTK) and of its
// covariance (NNGP): derivatives.
template <class Real>
struct RowGradientEnd {
  Real log_scale[kParameters];  // of sqrt(q), the logarithm's
  Real ntk[kParameters];
  Real nngp[kParameters];
};

// The row step with derivatives by log q; keep(k, derivative) is given those of the row scalars. A zero
// row has none, see row_recursion for what is left of it; nor has what is normalised to normal_std.
template <class Some, class Real, class Keep>
FASTNTK_HD RowMoments<Jet<Real, 1>> dual_with_derivatives(const Activation& activation, Real q,
                                                          double normal_std, const Keep& keep) {
  using OneJet = Jet<Real, 1>;
  const Real none(0.0), one(1.0);
  const bool zero = !(q > none), normal = normal_std > 0 && !zero;
  if (!zero && !normal) {
    return activation_row_step<Some>(activation, OneJet::of(q, [&](int) { return q; }),
                                     [&](int k, const OneJet& scalar) { keep(k, scalar.by[0]); });
  }
  const bool left = activation_square_at_zero<Some>(activation) > 0;
  const RowMoments<Real> plain = activation_row_step<Some>(
      activation, normal ? Real(normal_std * normal_std) : (left ? none : one),
      [&](int k, Real) { keep(k, none); });
  return {OneJet(plain.second_moment), OneJet(plain.slope)};
}

// weights: as for row_recursion.
//   Sink::Some: the activations that layers may have;
//   sink.first(mixing);
//   sink.scalar(l, k, by_log_q, log_q): the derivative by log q of scalar k of the activation before
//   the layer, and log_q[kParameters], those of that q;
//   sink.layer(l, mixing).
template <class Real, class Sink>
FASTNTK_HD RowGradientEnd<Real> row_gradient(const LinearMap* maps, const Activation* activations,
                                             int hidden_layers, Real weights, const Sink& sink) {
  using Some = typename Sink::Some;
  const Real none(0.0), one(1.0), half(0.5), two(2.0);
  const auto by_weight_std = [&](const LinearMap& map) {  // of the logarithm of the variance
    return two * Real(map.weight_factor) / Real(map.weight_std);
  };
  Real log_weights[kParameters] = {by_weight_std(maps[0]), none};
  VarianceGradient<Real> now = variance_gradient<Real>(weights, log_weights, maps[0]);
  sink.first(now.mixing);
  Real theta = now.q;
  Real theta_by[kParameters];
  FASTNTK_UNROLL
  for (int i = 0; i < kParameters; ++i)
    theta_by[i] = now.q * now.log_q[i];
  for (int l = 0; l < hidden_layers; ++l) {
    const LinearMap& map = maps[l + 1];
    const bool zero = !(now.q > none);
    const RowMoments<Jet<Real, 1>> dual = dual_with_derivatives<Some>(
        activations[l], now.q, maps[l].normal_std,
        [&](int k, Real by_log_q) { sink.scalar(l, k, by_log_q, now.log_q); });
    const bool gone = zero && !(activation_square_at_zero<Some>(activations[l]) > 0);
    const Real moment = gone ? none : dual.second_moment.value;
    const Real moment_growth = zero ? none : dual.second_moment.by[0] / dual.second_moment.value;
    const Real slope_growth = zero ? none : dual.slope.by[0] / dual.slope.value;
    const Real factor = Real(map.weight_std) * Real(map.weight_std);
    const Real weight_part = factor * moment;
    const Real carried = zero ? none : weight_part * dual.slope.value / now.q * theta;
    const Real bias(map.bias_std);
    FASTNTK_UNROLL
    for (int i = 0; i < kParameters; ++i) {
      log_weights[i] = (i == kWeightStd ? by_weight_std(map) : none) + moment_growth * now.log_q[i];
      const Real own = weight_part * log_weights[i] +
                       (i == kBiasStd ? two * bias * Real(map.bias_factor) : none);
      const Real log_derivative = log_weights[i] + (slope_growth - one) * now.log_q[i];
      const Real ratio = theta > none ? theta_by[i] / theta : none;
      theta_by[i] = carried * (log_derivative + ratio) + own;
    }
    theta = carried + weight_part + bias * bias;
    const VarianceGradient<Real> next = variance_gradient<Real>(weight_part, log_weights, map);
    sink.layer(l, next.mixing);
    now = next;
  }
  RowGradientEnd<Real> end;
  FASTNTK_UNROLL
  for (int i = 0; i < kParameters; ++i) {
    end.log_scale[i] = half * now.log_q[i];
    end.ntk[i] = theta_by[i];
    end.nngp[i] = now.q * now.log_q[i];
  }
  return end;
}

}  // namespace fastntk
