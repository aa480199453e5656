// SPDX-License-Identifier: Apache-2.0
// A fully-connected network in its infinite-width limit, and what of it is trained.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/activations.h"
#include "common/error.h"

namespace fastntk {

// Both may be multiples of numbers that all maps share, by which kernels are differentiated:
// weight_std of this one times weight_factor, bias_std times bias_factor.
struct LinearMap {
  double weight_std;
  double bias_std;
  double weight_factor = 1;
  double bias_factor = 1;
  // Layer normalisation of what the activation behind the map is given: a row's preactivations are
  // divided by their standard deviation, which in the limit is sqrt(q), and have this one instead;
  // 0: none. A zero row stays one.
  double normal_std = 0;
  // What the map adds to beside its own: the preactivations before it, times this.
  double skip = 0;
};

// Of activations that have one.
using NumberTable = std::shared_ptr<const std::vector<double>>;

// maps[0], activation[0], maps[1], ..., maps[hidden_layers]
struct Network {
  std::vector<LinearMap> maps;
  std::vector<Activation> activations;
  std::vector<NumberTable> tables = {};  // kept for as long as activations refer to them

  int hidden_layers() const { return static_cast<int>(activations.size()); }
  // Whether the map behind activation l has a skip connection.
  bool skips(int l) const { return maps[l + 1].skip != 0; }

  void validate() const {
    require(maps.size() == activations.size() + 1,
            "a network has one linear map more than activations");
    for (const LinearMap& map : maps) {
      require(map.weight_std > 0, "weight_std must be positive");
      require(map.bias_std >= 0, "bias_std must not be negative");
    }
  }
};

// How much each linear map's weights and biases contribute to a kernel: 1 and 1 for every map is
// the NTK, the last map alone the NNGP, one map alone that layer's part of the NTK.
struct TrainedShares {
  std::vector<double> weights;
  std::vector<double> biases;
};

const char* activation_name(ActivationKind kind);
// Throws std::invalid_argument for a name that there is not, another number of parameters, or an
// activation that is a table.
Activation make_activation(const std::string& name, const std::vector<double>& parameters);
// Appends one that may be a table, whose numbers are the parameters and are kept.
void add_activation(const std::string& name, const std::vector<double>& parameters,
                    Network& network);
bool activation_dual_is_non_negative(const Activation& activation);

}  // namespace fastntk
