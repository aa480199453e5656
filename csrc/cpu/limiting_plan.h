// SPDX-License-Identifier: Apache-2.0
// Everything a tile of a limiting Gram matrix is computed from; read-only while tiles are computed.
#pragma once

#include <vector>

#include "common/depth_table.h"
#include "common/limiting_plan.h"
#include "cpu/operand.h"

namespace fastntk::cpu {

// The layers alone, or the table in their place, for the rows of a tile; for one output.
template <class T>
struct LayersOfTile {
  const RowTable<T>* rows;
  const RowTable<T>* cols;
  const std::vector<LayerPlan>* layers;
  const Shares<T>* shares;     // per linear map
  const DepthTable<T>* table;  // null: the layers run
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
  std::vector<NumberTable> activation_tables;  // that layers refer to
  std::vector<std::vector<Shares<T>>> shares;  // per output and linear map
  std::vector<bool> all_trained;               // per output: every share is 1
  std::vector<DepthTable<T>> tables;           // per output, or none: then the layers are run
  double close_deficit;  // below it a deficit from floating-point products is recomputed directly
  bool gradients_of_nngp = false;  // where the rows have gradients: of the NNGP, else of the NTK

  bool symmetric() const { return rows == cols; }
  // The one kernel and its derivatives, in place of several kernels.
  bool differentiated() const { return rows->gradients != nullptr; }
  std::size_t outputs() const { return shares.size() + (differentiated() ? kParameters : 0); }
};

}  // namespace fastntk::cpu
