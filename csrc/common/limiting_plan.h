// SPDX-License-Identifier: Apache-2.0
// What an engine decides for some data and network before it computes a tile, from numbers of the
// rows that it has measured.
#pragma once

#include <vector>

#include "common/input_layer.h"
#include "common/layer.h"
#include "common/network.h"
#include "common/samples.h"

namespace fastntk {

// Entries for which a table is worth its making: it replaces the layers of a tile in less time.
constexpr long kTableEntries = 65536;

// Of some rows' numbers the least and the largest; NaN if one of them is.
struct Range {
  double least;
  double most;

  bool one_number() const { return least == most; }
};
Range joined(Range a, Range b);

// Of the mixing and the scalars of all rows of both sides, in the type that formulas see them in.
struct LayerRanges {
  Range w, v;
  Range scalars[kMaxRowScalars];  // those that the activation before the layer has
};

struct RowRanges {
  LayerRanges first;                // of the input layer, without scalars
  std::vector<LayerRanges> layers;  // of those behind an activation
};
RowRanges joined(const RowRanges& a, const RowRanges& b, const Network& network);

struct LayerPlan {
  Activation activation;
  int angle_level;  // AngleLevel that the incoming angles are known to meet
  bool equal;       // w and v are one number each, on both sides
  bool skip;        // the layer has a skip connection
};

std::vector<LayerPlan> plan_layers(const Network& network, const RowRanges& ranges,
                                   bool non_negative);

InputLayer input_layer(const Network& network, SampleType type, long data_columns, double scale);

// Of ReLU networks it is known whether a recursion in float has the digits of a float result. Of one
// layer Theta is too steep; deep ones round too often, unless a table replaces them.
bool is_relu_network(const Network& network);
bool too_steep_for_float(const Network& network);
bool too_deep_for_float(const Network& network);

// Per output and linear map; and per output, whether every share is 1.
template <class T>
std::vector<std::vector<Shares<T>>> shares_in(const std::vector<TrainedShares>& outputs);
std::vector<bool> all_trained(const std::vector<TrainedShares>& outputs);

}  // namespace fastntk
