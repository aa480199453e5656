// SPDX-License-Identifier: Apache-2.0
// What a tile of an empirical kernel is computed from.
#pragma once

#include <vector>

#include "cpu/packed_rows.h"

namespace fastntk::cpu {

// One linear map:  S (alpha A + beta),  A the products of activations, one per pair of points, and
// S those of signals, one per pair of a point's outputs.
template <class T>
struct EmpiricalTerm {
  double alpha, beta;
  // Null: alpha is 0.
  const PackedRows<T>* row_activations;
  const PackedRows<T>* col_activations;
  // Null: 1 for equal outputs, 0 for others.
  const PackedRows<T>* row_signals;
  const PackedRows<T>* col_signals;
};

template <class T>
struct EmpiricalPlan {
  std::vector<EmpiricalTerm<T>> terms;
  long rows, cols;  // of the matrix: points times outputs
  long outputs;
  const AlignedBuffer<T>* diagonal;  // padded to whole tiles; null if the matrix is not symmetric
};

}  // namespace fastntk::cpu
