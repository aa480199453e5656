// SPDX-License-Identifier: Apache-2.0
// A network, and what of it is trained, from the plain values that Python hands over.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "common/network.h"

namespace fastntk::bindings {

namespace py = pybind11;

// One pair (weights, biases) per matrix, each with one share per linear map.
using ShareLists = std::vector<std::pair<std::vector<double>, std::vector<double>>>;

// A functor's name and its parameters.
using NamedActivation = std::pair<std::string, std::vector<double>>;

// Of a linear map: weight_std, bias_std, normal_std, skip; see common/network.h.
using MapNumbers = std::array<double, 4>;

inline Network make_network(const std::vector<NamedActivation>& activations,
                            const std::vector<MapNumbers>& maps) {
  Network network;
  for (const auto& [weight_std, bias_std, normal_std, skip] : maps) {
    network.maps.push_back({weight_std, bias_std});
    network.maps.back().normal_std = normal_std;
    network.maps.back().skip = skip;
  }
  for (const NamedActivation& named : activations)
    add_activation(named.first, named.second, network);
  return network;
}

// One number each per linear map: of weights, of biases.
using Factors = std::pair<std::vector<double>, std::vector<double>>;

// weight_std and bias_std of map l as multiples of what is differentiated by.
inline void set_factors(Network& network, const Factors& factors) {
  const auto& [weights, biases] = factors;
  if (weights.size() != network.maps.size() || biases.size() != network.maps.size())
    throw py::value_error("factors must have one value per linear map");
  for (std::size_t l = 0; l < weights.size(); ++l) {
    network.maps[l].weight_factor = weights[l];
    network.maps[l].bias_factor = biases[l];
  }
}

inline std::vector<TrainedShares> make_shares(const ShareLists& outputs, const Network& network) {
  std::vector<TrainedShares> shares;
  for (const auto& [weights, biases] : outputs) {
    if (weights.size() != network.maps.size() || biases.size() != network.maps.size())
      throw py::value_error("an output needs one weight share and one bias share per linear map");
    shares.push_back({weights, biases});
  }
  return shares;
}

}  // namespace fastntk::bindings
