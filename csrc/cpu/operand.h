// SPDX-License-Identifier: Apache-2.0
// One side of a Gram matrix, prepared for tile products: rows packed into panels, and the scalars
// of the input layer.
#pragma once

#include <memory>
#include <vector>

#include "common/input_layer.h"
#include "common/network.h"
#include "common/samples.h"
#include "cpu/aligned_buffer.h"
#include "cpu/isa/engine.h"
#include "cpu/row_gradients.h"
#include "cpu/row_table.h"

namespace fastntk::cpu {

template <class T>
struct RadiusTable {
  AlignedBuffer<T> hi, lo, half_inverse;
};

template <class T>
struct Operand {
  Operand(const Samples& samples, const std::vector<long>& columns, Product product,
          const ProductShape& shape, const Network& network, const InputLayer& input,
          const std::vector<TrainedShares>& outputs, int threads);

  Samples samples;
  long padded_rows;
  long steps = 0;  // words per row of a panel

  // Panels of padded_rows rows, see panels.h.
  AlignedBuffer<char> left;
  AlignedBuffer<char> right;

  // Integer data: |x|^2 and the radius r in the type that the deficit is formed in.
  std::vector<long long> norms;
  AlignedBuffer<std::int32_t> norms_modular;  // |x|^2 modulo 2^32
  // What a row adds to each of its products, see ProductShape::right_offset.
  AlignedBuffer<std::int32_t> start;
  AlignedBuffer<double> norms_wide;
  RadiusTable<T> radius;
  RadiusTable<double> radius_wide;
  // Other data: p = row_scale / r and v = bias_std / sqrt(q); the panels hold x / row_scale.
  AlignedBuffer<double> p, v;
  std::vector<double> row_scale;  // the power of two that scales a row, 1 for integers

  std::vector<double> weight_variances;  // what the weights add to those of first preactivations
  RowTable<T> table;
  std::unique_ptr<RowGradients> gradients;  // where derivatives are asked for

  std::size_t bytes() const {
    return left.bytes() + right.bytes() + table.bytes() + (gradients ? gradients->bytes() : 0);
  }

private:
  // Measures and packs every row; returns weight_variances.
  std::vector<double> prepare(const std::vector<long>& columns, Product product,
                              const ProductShape& shape, const InputLayer& input, int threads);
  double measure_integers(long i, const InputLayer& input, Product product);
  double measure_numbers(long i, const InputLayer& input, Product product);
};

}  // namespace fastntk::cpu
