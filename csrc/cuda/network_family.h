// SPDX-License-Identifier: Apache-2.0
// Kernels exist twice: for networks of ReLU and erf, whose few formulas leave registers for two blocks
// of threads on a multiprocessor, and for any network, whose recursion runs in double.
#pragma once

#include "common/network.h"

namespace fastntk::cuda {

// In front of a layer's row scalars lie w, v and, where layers may have skip connections, r.
struct ReluOrErfNetwork {
  using Some = ReluOrErf;
  static constexpr bool kSkips = false;
  static constexpr int kFirstScalar = 2;
  // With one unused, so that the places of fields are shifts.
  static constexpr int kLayerFields = 8;
  static_assert(kFirstScalar + Erf::kRowScalars <= kLayerFields);

  static constexpr int kMostBlocks = 2;  // that share a multiprocessor

  FASTNTK_HD static constexpr int layer_fields(int) { return kLayerFields; }
};
struct AnyNetwork {
  using Some = EveryActivation;
  static constexpr bool kSkips = true;
  static constexpr int kFirstScalar = 3;

  static constexpr int kMostBlocks = 1;

  FASTNTK_HD static constexpr int layer_fields(int of_table) { return of_table; }
};

bool is_relu_or_erf(const Network& network);

// Fields of a row table: two of the input layer, then as many for each layer.
struct RowFields {
  int of_layer;
  int first_scalar;
  int hidden_layers;

  explicit RowFields(const Network& network);

  int count() const { return 2 + hidden_layers * of_layer; }
  int layer(int l) const { return 2 + l * of_layer; }
  int scalar(int l, int k) const { return layer(l) + first_scalar + k; }
};

}  // namespace fastntk::cuda
