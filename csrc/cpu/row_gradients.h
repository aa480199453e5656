// SPDX-License-Identifier: Apache-2.0
// The derivatives of a row table by weight_std and by bias_std, see common/row_gradient.h. Computed in
// extended precision and stored in double, the only type that pairs are differentiated in.
#pragma once

#include <vector>

#include "common/row_gradient.h"
#include "cpu/row_table.h"

namespace fastntk::cpu {

struct RowGradients {
  // weight_variances: as for RowTable, and as many rows as that has. nngp: of which kernel the
  // diagonals are.
  RowGradients(const Network& network, bool nngp, const std::vector<double>& weight_variances,
               int threads);

  struct ByParameter {
    LayerRows<double> first;
    AlignedBuffer<double> log_w;  // of log w of the input layer
    std::vector<LayerRows<double>> layers;
    AlignedBuffer<double> log_scale;  // of log sqrt(q) of the last layer
    AlignedBuffer<double> diagonal;
  };
  ByParameter by[kParameters];
  double largest_diagonal = 0;  // in magnitude; infinite where one is no finite number

  std::size_t bytes() const { return bytes_; }

private:
  std::vector<AlignedBuffer<double>*> buffers();
  double fill_row(const Network& network, bool nngp, double weights, long i);

  std::size_t bytes_ = 0;
};

}  // namespace fastntk::cpu
