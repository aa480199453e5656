// SPDX-License-Identifier: Apache-2.0
// What of a network a kernel and its derivatives are made of.
#pragma once

#include <vector>

#include "common/network.h"

namespace fastntk {

// The kernel, of which jets are derivatives; without hidden layers, where it is
// weight_std^2 x . x' / n0 + bias_std^2, its derivatives too, as shares of it.
inline std::vector<TrainedShares> gradient_outputs(const Network& network, bool nngp) {
  const std::size_t maps = network.maps.size();
  TrainedShares kernel{std::vector<double>(maps, nngp ? 0.0 : 1.0),
                       std::vector<double>(maps, nngp ? 0.0 : 1.0)};
  kernel.weights.back() = kernel.biases.back() = 1;
  if (!network.activations.empty())
    return {kernel};
  const double bias = network.maps[0].bias_std;
  const double most = 1e300;  // below its inverse twice the bias is 0 to rounding
  return {kernel, {{2 / network.maps[0].weight_std}, {0}}, {{0}, {bias > 1 / most ? 2 / bias : 0}}};
}

}  // namespace fastntk
