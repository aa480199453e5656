// SPDX-License-Identifier: Apache-2.0
// What the input layer needs of one row, see common/input_layer.h.
#pragma once

#include "common/input_layer.h"

namespace fastntk {

// hi + lo = sqrt(square) to twice the digits of T.
template <class T>
FASTNTK_HD RowRadius<T> row_radius(double square) {
  const double root = std::sqrt(square);
  const double rest = root > 0 ? fma(-root, root, square) / (2 * root) : 0;
  const T hi = static_cast<T>(root);
  return {hi, static_cast<T>((root - static_cast<double>(hi)) + rest),
          root > 0 ? static_cast<T>(0.5 / root) : T(0)};
}

// Of a row of no integers.
struct RowMeasures {
  double p;
  double v;
  double weights;  // what the weights add to the variance of the first preactivation
};

// norm: |x / scale|^2.
FASTNTK_HD RowMeasures row_measures(double norm, double scale, const InputLayer& input) {
  // With r = size sqrt(norm + B / size^2), written so that neither extreme overflows.
  const double size = scale * input.data_scale;
  const double radius_over_size = std::sqrt(norm + input.bias_term() / size / size);
  const double weights = norm > 0 ? input.s * size * size * norm : 0;
  const double variance = weights + input.bias_std * input.bias_std;
  return {radius_over_size > 0 ? 1 / radius_over_size : 0,
          variance > 0 ? input.bias_std / std::sqrt(variance) : 0, weights};
}

}  // namespace fastntk
