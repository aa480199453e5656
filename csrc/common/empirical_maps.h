// SPDX-License-Identifier: Apache-2.0
// What an empirical kernel is made of, one of each per linear map, and what must hold of it.
#pragma once

#include <cstddef>
#include <vector>

#include "common/error.h"

namespace fastntk {

// The rows of a map, as an engine's own view of them (data, rows, columns; null data: none). signals:
// [points * outputs, ...], none: 1 for an output with itself and 0 with others; activations:
// [points, ...], none only where alpha is 0.
template <class View>
struct EmpiricalMap {
  View activations, signals;
};

struct MapFactors {
  double alpha, beta;
};

template <class View>
void check_side(const std::vector<EmpiricalMap<View>>& maps, const std::vector<MapFactors>& factors,
                long points, long outputs) {
  require(points > 0 && outputs > 0 && !factors.empty(), "a kernel must not be empty");
  require(maps.size() == factors.size(), "a linear map has rows and factors");
  for (std::size_t l = 0; l < maps.size(); ++l) {
    const auto& [activations, signals] = maps[l];
    require(activations.data != nullptr || factors[l].alpha == 0, "alpha needs activations");
    require(activations.data == nullptr || activations.rows == points,
            "activations have a row per point");
    require(signals.data == nullptr || signals.rows == points * outputs,
            "signals have a row per point and output");
  }
}

// cols empty: symmetric.
template <class View>
void check_maps(const std::vector<EmpiricalMap<View>>& rows, long row_points,
                const std::vector<EmpiricalMap<View>>& cols, long col_points,
                const std::vector<MapFactors>& factors, long outputs) {
  check_side(rows, factors, row_points, outputs);
  if (cols.empty())
    return;
  check_side(cols, factors, col_points, outputs);
  const auto match = [](const View& a, const View& b) {
    return (a.data == nullptr) == (b.data == nullptr) &&
           (a.data == nullptr || a.columns == b.columns);
  };
  for (std::size_t l = 0; l < cols.size(); ++l) {
    require(match(rows[l].activations, cols[l].activations), "activations must match");
    require(match(rows[l].signals, cols[l].signals), "signals must match");
  }
}

}  // namespace fastntk
