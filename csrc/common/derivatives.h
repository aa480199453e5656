// SPDX-License-Identifier: Apache-2.0
// How a kernel and its derivatives by weight_std and bias_std are computed of a network.
#pragma once

#include <vector>

#include "common/network.h"

namespace fastntk {

// Of which kernel jets are run. Without hidden layers of none: there the kernel is
// weight_std^2 x . x' / n0 + bias_std^2, and its derivatives are shares of it.
enum class Derivatives { kNone, kNtk, kNngp };

inline Derivatives derivatives_by_jets(const Network& network, bool nngp) {
  if (network.activations.empty())
    return Derivatives::kNone;
  return nngp ? Derivatives::kNngp : Derivatives::kNtk;
}

// The outputs of the recursion: the kernel, and derivatives where these are shares.
inline std::vector<TrainedShares> outputs_with_derivatives(const Network& network, bool nngp) {
  const std::size_t maps = network.maps.size();
  TrainedShares kernel{std::vector<double>(maps, nngp ? 0.0 : 1.0),
                       std::vector<double>(maps, nngp ? 0.0 : 1.0)};
  kernel.weights.back() = kernel.biases.back() = 1;
  if (!network.activations.empty())
    return {kernel};
  const LinearMap& map = network.maps[0];
  constexpr double kVanishes = 1e-300;  // a derivative of 2e-300 has no digits to lose
  const double by_bias = map.bias_std > kVanishes ? 2 / map.bias_std : 0;
  return {kernel, {{2 / map.weight_std}, {0}}, {{0}, {by_bias}}};
}

}  // namespace fastntk
