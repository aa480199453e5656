// SPDX-License-Identifier: Apache-2.0
// A network, and what of it is trained, from the plain values that Python hands over.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "common/network.h"

namespace fastntk::bindings {

namespace py = pybind11;

// One pair (weights, biases) per matrix, each with one share per linear map.
using ShareLists = std::vector<std::pair<std::vector<double>, std::vector<double>>>;

inline Network make_network(const std::vector<std::string>& activations,
                            const std::vector<double>& weight_std,
                            const std::vector<double>& bias_std) {
  if (weight_std.size() != bias_std.size())
    throw py::value_error("weight_std and bias_std must have one value per linear map");
  Network network;
  for (std::size_t l = 0; l < weight_std.size(); ++l)
    network.maps.push_back({weight_std[l], bias_std[l]});
  for (const std::string& name : activations)
    network.activations.push_back(activation_from_name(name));
  return network;
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
