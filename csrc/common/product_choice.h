// SPDX-License-Identifier: Apache-2.0
// How products are formed for some data, and what that means for the angles that come of them.
#pragma once

#include <functional>

#include "common/product.h"
#include "common/samples.h"

namespace fastntk {

// Largest number of columns whose distances fit 31 bits: 255^2 * 33,025 < 2^31.
constexpr long kIntegerColumns = 33025;

// Largest number of columns whose products of bytes, three to a sum, fit 31 bits. In short rows
// roundings do not average out, nor do products take long.
constexpr long kSliceColumns = 43690;
constexpr long kLeastSliceColumns = 128;

// Largest B (see common/input_layer.h) for which products of float radii neither overflow nor
// vanish.
constexpr double kLargestBiasTerm = 1e15;

const char* product_name(Product product);

// What the choice depends on. The last two read the data and are asked only where it matters.
struct ProductQuestion {
  SampleType type;
  long data_columns;
  long columns;  // that are multiplied
  double bias_term;
  int hidden_layers;
  bool double_recursion;
  Product float_product;  // that the engine forms fastest for float data: kFloat or kSlices
  std::function<bool()> mostly_close;        // see common/close_pairs.h
  std::function<bool()> fixed_point_serves;  // see common/fixed_point.h; of both sides
};

Product choose_product(const ProductQuestion& question);

// Below it a deficit from this product is recomputed directly.
double close_deficit(Product product, int hidden_layers);

// What a deficit x, not folded, may err by in a float recursion.
double float_deficit_error(Product product, double close_deficit, double x);

}  // namespace fastntk
