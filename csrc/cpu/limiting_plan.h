// SPDX-License-Identifier: Apache-2.0
// Everything a tile of a limiting Gram matrix is computed from; read-only while tiles are computed.
#pragma once

#include <vector>

#include "common/layer.h"
#include "common/network.h"
#include "cpu/depth_table.h"
#include "cpu/operand.h"

namespace fastntk::cpu {

struct LayerPlan {
  Activation activation;
  int angle_level;  // AngleLevel that the incoming angles are known to meet
  bool equal;       // w and v are one number each, on both sides
};

template <class T>
struct LimitingPlan {
  const Operand<T>* rows;
  const Operand<T>* cols;  // == rows for a symmetric matrix
  Product product;
  const Engine<T>* engine;
  InputLayer input;
  double bias_term;      // input.bias_term()
  double admitted_loss;  // see common/input_layer.h
  std::vector<LayerPlan> layers;
  std::vector<std::vector<Shares<T>>> shares;  // per output and linear map
  std::vector<bool> all_trained;               // per output: every share is 1
  std::vector<DepthTable<T>> tables;           // per output, or none: then the layers are run
  double close_deficit;  // below it a deficit from floating-point products is recomputed directly

  bool symmetric() const { return rows == cols; }
};

// Angle levels and equal layers follow from the data of both sides.
template <class T>
std::vector<LayerPlan> plan_layers(const Network& network, const Operand<T>& rows,
                                   const Operand<T>& cols, bool non_negative);

}  // namespace fastntk::cpu
