// SPDX-License-Identifier: Apache-2.0
// The linear maps of an empirical kernel, from Python.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "common/empirical_maps.h"

namespace fastntk::bindings {

// The points of one side, and its maps.
template <class View>
struct EmpiricalSide {
  long points = 0;
  std::vector<EmpiricalMap<View>> maps;
};

// terms: pairs of activations and signals; view(array, name) is an engine's view of either.
template <class Terms, class ViewOf>
auto side_of(const Terms& terms, long outputs, ViewOf view) {
  EmpiricalSide<decltype(view(terms[0].first, ""))> side;
  for (const auto& [activations, signals] : terms) {
    side.maps.push_back({view(activations, "activations"), view(signals, "signals")});
    const auto& map = side.maps.back();
    if (map.activations.data != nullptr)
      side.points = map.activations.rows;
    else if (map.signals.data != nullptr)
      side.points = map.signals.rows / outputs;
  }
  return side;
}

template <class Terms>
void check_terms(const Terms& rows, const Terms* cols, long outputs) {
  if (outputs < 1)
    throw pybind11::value_error("outputs must be at least 1, got " + std::to_string(outputs));
  if (cols != nullptr && cols->size() != rows.size())
    throw pybind11::value_error("rows and cols must have as many terms");
}

inline std::vector<MapFactors> map_factors(const std::vector<std::pair<double, double>>& factors) {
  std::vector<MapFactors> pairs;
  for (const auto& [alpha, beta] : factors)
    pairs.push_back({alpha, beta});
  return pairs;
}

}  // namespace fastntk::bindings
