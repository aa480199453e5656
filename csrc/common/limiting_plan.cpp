// SPDX-License-Identifier: Apache-2.0
#include "common/limiting_plan.h"

#include <algorithm>
#include <cmath>

namespace fastntk {
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
double mixed_bound(double c, Range w) {
  const double least = std::min(1.0, w.least), most = std::min(1.0, w.most);
  const auto mixed = [c](double one, double other) {
    return c * one * other + std::sqrt((1 - one * one) * (1 - other * other));
  };
  return std::min({mixed(least, least), mixed(least, most), mixed(most, most)});
}

LayerRanges joined(const LayerRanges& a, const LayerRanges& b, int scalars) {
  LayerRanges both{joined(a.w, b.w), joined(a.v, b.v), {}};
  for (int k = 0; k < scalars; ++k)
    both.scalars[k] = joined(a.scalars[k], b.scalars[k]);
  return both;
}

}  // namespace

Range joined(Range a, Range b) {
  const bool number = a.least <= a.most && b.least <= b.most;
  return number ? Range{std::min(a.least, b.least), std::max(a.most, b.most)}
                : Range{a.least + b.least, a.most + b.most};
}

RowRanges joined(const RowRanges& a, const RowRanges& b, const Network& network) {
  RowRanges both{joined(a.first, b.first, 0), {}};
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const int scalars = activation_row_scalars(network.activations[l]);
    both.layers.push_back(joined(a.layers[l], b.layers[l], scalars));
  }
  return both;
}

std::vector<LayerPlan> plan_layers(const Network& network, const RowRanges& ranges,
                                   bool non_negative) {
  std::vector<LayerPlan> plan;
  int level = non_negative ? kAcute : kFolded;
  double least = 0;  // cosine, where the level is one of acute angles
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const Activation& activation = network.activations[l];
    const LayerRanges& layer = ranges.layers[l];
    const bool skip = network.skips(l);
    plan.push_back({activation, level, layer.w.one_number() && layer.v.one_number(), skip});
    if (!activation_dual_is_non_negative(activation) || (skip && level == kFolded)) {
      level = kFolded;
    } else if (skip) {
      level = kAcute;
      least = 0;
    } else {
      // Folded data have lost their signs after the layer, but had obtuse angles before it.
      const bool narrows = activation.kind == ActivationKind::kRelu && level >= kAcute;
      least = mixed_bound(narrows ? arc_cosine(least) : 0, layer.w);
      level = level_of(least);
    }
  }
  return plan;
}

InputLayer input_layer(const Network& network, SampleType type, long data_columns, double scale) {
  const bool integer = type == SampleType::kUint8;
  const double forward = network.maps[0].weight_std * (integer ? scale : 1.0);
  return {forward * forward / static_cast<double>(data_columns), integer ? 1.0 : scale,
          network.maps[0].bias_std};
}

bool is_relu_network(const Network& network) {
  for (int l = 0; l < network.hidden_layers(); ++l) {
    if (network.activations[l].kind != ActivationKind::kRelu || network.skips(l))
      return false;
  }
  return true;
}

// At a right angle Theta of one layer falls off by 6.3 of its value per unit of x, and the rounding
// of x alone fills the gate: 1.1e-6 was measured on short rows.
bool too_steep_for_float(const Network& network) { return network.hidden_layers() == 1; }

// The gate of 6e-7 leaves room for the roundings of so many layers: 4e-7 is reached (measured on
// near-duplicates, where Theta is largest).
bool too_deep_for_float(const Network& network) {
  constexpr int kLayers = 16;
  return network.hidden_layers() > kLayers;
}

template <class T>
std::vector<std::vector<Shares<T>>> shares_in(const std::vector<TrainedShares>& outputs) {
  std::vector<std::vector<Shares<T>>> shares;
  for (const TrainedShares& output : outputs) {
    shares.emplace_back();
    for (std::size_t l = 0; l < output.weights.size(); ++l) {
      shares.back().push_back(
          {static_cast<T>(output.weights[l]), static_cast<T>(output.biases[l])});
    }
  }
  return shares;
}

template std::vector<std::vector<Shares<float>>> shares_in(const std::vector<TrainedShares>&);
template std::vector<std::vector<Shares<double>>> shares_in(const std::vector<TrainedShares>&);

std::vector<bool> all_trained(const std::vector<TrainedShares>& outputs) {
  const auto all_ones = [](const std::vector<double>& shares) {
    return std::all_of(shares.begin(), shares.end(), [](double share) { return share == 1; });
  };
  std::vector<bool> all;
  for (const TrainedShares& output : outputs)
    all.push_back(all_ones(output.weights) && all_ones(output.biases));
  return all;
}

}  // namespace fastntk
