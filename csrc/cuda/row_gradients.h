// SPDX-License-Identifier: Apache-2.0
// The derivatives of a row table by weight_std and by bias_std, see common/row_gradient.h; twin of
// cpu/row_gradients.h.
#pragma once

#include "common/row_gradient.h"
#include "cuda/data_summary.h"
#include "cuda/row_table.h"

namespace fastntk::cuda {

// By one parameter.
struct RowGradientView {
  RowTableView<double> table;
  const double* log_w;      // of log w of the input layer
  const double* log_scale;  // of log sqrt(q) of the last layer
  const double* diagonal;
};

// By all of them, in device memory: per parameter the fields of a row table and three more.
struct RowGradientArrays {
  double* fields;  // [kParameters][fields of a row table + 3][stride]
  long stride;
  int hidden_layers;
  int layer_fields;

  FASTNTK_HD int layer(int l) const { return 2 + l * layer_fields; }
  FASTNTK_HD long field_count() const { return layer(hidden_layers) + 3; }
  FASTNTK_HD double* field(int parameter, int k) const {
    return fields + (parameter * field_count() + k) * stride;
  }
  FASTNTK_HD double* log_w(int parameter) const { return field(parameter, layer(hidden_layers)); }
  FASTNTK_HD double* log_scale(int parameter) const {
    return field(parameter, layer(hidden_layers) + 1);
  }
  FASTNTK_HD double* diagonal(int parameter) const {
    return field(parameter, layer(hidden_layers) + 2);
  }
  RowGradientView view(int parameter) const {
    return {{field(parameter, 0), stride, layer_fields},
            log_w(parameter),
            log_scale(parameter),
            diagonal(parameter)};
  }
};

// weights: [rows], what they add to the variance of the first preactivation. nngp: of which kernel
// the diagonals are, whose largest is added to the summary.
void fill_row_gradients(const RowNetwork& network, bool nngp, const double* weights, long rows,
                        const RowGradientArrays& to, SideSummary* summary, const Context& context);

}  // namespace fastntk::cuda
