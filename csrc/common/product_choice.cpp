// SPDX-License-Identifier: Apache-2.0
#include "common/product_choice.h"

#include <algorithm>
#include <cmath>

namespace fastntk {
namespace {

// Of the relative error of Theta, h dx / (2 pi sqrt x), what the products may take: the deficits
// below the x where they would take more are recomputed directly. dx is the error of a deficit from
// products (measured on Gaussian, non-negative and MNIST data).
struct ProductError {
  double deficit;
  double share;
};
constexpr ProductError kFloatError{8e-8, 2e-7};
constexpr ProductError kDoubleError{5e-16, 4e-14};

bool rounds(Product product) { return product == Product::kFloat || product == Product::kSlices; }

}  // namespace

const char* product_name(Product product) {
  switch (product) {
  case Product::kInteger:
    return "exact 32-bit integers";
  case Product::kWideInteger:
    return "exact integers in double";
  case Product::kFloat:
    return "float, summed in double";
  case Product::kSlices:
    return "24-bit fixed point";
  default:
    return "double";
  }
}

Product choose_product(const ProductQuestion& question) {
  if (question.type == SampleType::kUint8) {
    const bool narrow =
        question.data_columns <= kIntegerColumns && question.bias_term < kLargestBiasTerm;
    return narrow ? Product::kInteger : Product::kWideInteger;
  }
  if (question.type == SampleType::kFloat64 || question.double_recursion || question.mostly_close())
    return Product::kDouble;
  // Without hidden layers a kernel is the inner product itself, which may be far smaller than the
  // rows whose fixed point it would come from.
  const bool sliced = question.float_product == Product::kSlices && question.hidden_layers > 0 &&
                      question.columns >= kLeastSliceColumns && question.columns <= kSliceColumns &&
                      question.fixed_point_serves();
  return sliced ? Product::kSlices : Product::kFloat;
}

double close_deficit(Product product, int hidden_layers) {
  const ProductError& error = rounds(product) ? kFloatError : kDoubleError;
  const double root = hidden_layers * error.deficit / (2 * M_PI * error.share);
  // In deep networks Theta falls off in sqrt x before the linear law ends: the logarithmic slope is
  // at most about 0.3 / x.
  return std::min(root * root, 0.3 * error.deficit / error.share);
}

double float_deficit_error(Product product, double close_deficit, double x) {
  // Recomputed ones, and those of exact integers, are rounded once or twice.
  constexpr double kRoundings = 1.2e-7;
  return rounds(product) && x >= close_deficit ? kFloatError.deficit : kRoundings * x;
}

}  // namespace fastntk
