// SPDX-License-Identifier: Apache-2.0
#include "cuda/network_family.h"

#include <algorithm>

namespace fastntk::cuda {

bool is_relu_or_erf(const Network& network) {
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const ActivationKind kind = network.activations[l].kind;
    if (network.skips(l) || (kind != ActivationKind::kRelu && kind != ActivationKind::kErf))
      return false;
  }
  return true;
}

RowFields::RowFields(const Network& network) : hidden_layers(network.hidden_layers()) {
  if (is_relu_or_erf(network)) {
    of_layer = ReluOrErfNetwork::kLayerFields;
    first_scalar = ReluOrErfNetwork::kFirstScalar;
    return;
  }
  int scalars = 0;
  for (const Activation& activation : network.activations)
    scalars = std::max(scalars, activation_row_scalars(activation));
  first_scalar = AnyNetwork::kFirstScalar;
  of_layer = first_scalar + scalars;
}

}  // namespace fastntk::cuda
