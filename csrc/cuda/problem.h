// SPDX-License-Identifier: Apache-2.0
// What the kernels read: plain structures of pointers into device memory, passed by value.
//
// P is the type of the recursion. Arrays of rows are as long as the data have rows: who reads
// beyond the last one reads the last one instead.
#pragma once

#include <cstdint>

#include "common/layer.h"
#include "common/product.h"
#include "common/samples.h"
#include "cuda/network_family.h"

namespace fastntk::cuda {

// Rows are packed in runs of so many bytes: what one stage of the product pipeline loads of a row.
constexpr int kRunBytes = 64;
// Ranges of radii are kept for blocks of so many rows.
constexpr int kRangeRows = 64;

// The row step of every layer, see common/layer.h: fields of `stride` numbers each.
template <class P>
struct RowTableView {
  const P* fields;  // [2 + hidden_layers * layer_fields][stride]
  long stride;
  int layer_fields;  // see network_family.h

  // Of the input layer, then of the layer behind the activation `layer`.
  FASTNTK_HD const P* first_w() const { return fields; }
  FASTNTK_HD const P* first_v() const { return fields + stride; }
  template <class Family>
  FASTNTK_HD const P* w(int layer) const {
    return field<Family>(layer, 0);
  }
  template <class Family>
  FASTNTK_HD const P* v(int layer) const {
    return field<Family>(layer, 1);
  }
  FASTNTK_HD const P* r(int layer) const { return field<AnyNetwork>(layer, 2); }
  template <class Family>
  FASTNTK_HD const P* scalar(int layer, int k) const {
    return field<Family>(layer, Family::kFirstScalar + k);
  }

private:
  template <class Family>
  FASTNTK_HD const P* field(int layer, int k) const {
    return fields + (2 + layer * Family::layer_fields(layer_fields) + k) * stride;
  }
};

// One side of the matrix.
template <class P>
struct SideView {
  long rows;
  // [rows][row_bytes], zero behind the last column. kInteger: bytes; kFloat: floats x / row_scale;
  // kDouble and kWideInteger: doubles x / row_scale; kSlices: runs of first, second and third
  // digits in turns (digit 0 of run 0, digit 1 of run 0, digit 2 of run 0, digit 0 of run 1, ...).
  const char* panel;
  long row_bytes;

  // Integer data: |x|^2 and the radius.
  const long long* norms;
  const P* radius_hi;
  const P* radius_lo;
  const P* half_inverse;
  const P* half_inverse_least;  // [ceil(rows / kRangeRows)]
  const P* half_inverse_most;

  // Other data: p = row_scale / r, v = bias_std / sqrt(q), the power of two that scales a row (1 for
  // integers), and the data themselves.
  const double* p;
  const double* v;
  const double* row_scale;
  const void* samples;  // [rows, data_columns]

  RowTableView<P> table;
  const P* scale;  // sqrt(q) of the last layer
};

struct LayerStep {
  Activation activation;
  int angle_level;
  bool skip;
};

template <class P>
struct ProblemView {
  SideView<P> rows;
  SideView<P> cols;  // == rows for a symmetric matrix
  bool symmetric;
  // Several problems of so many rows and columns each lie one after the other; a block of threads has
  // one of them, its blockIdx.y.
  int batch;
  int batch_rows;
  int batch_cols;
  Product product;
  SampleType type;
  long data_columns;
  int runs;  // of a row; of one digit for kSlices

  int hidden_layers;
  const LayerStep* layers;  // [hidden_layers], device memory
  bool any_network;         // beyond ReLU and erf
  bool folded;              // data of both signs: deficits of obtuse angles are x - 1

  double s;  // Sigma_1 = s (x . x' + bias_term), see common/input_layer.h
  double data_scale;
  double bias_std;
  double bias_term;
  double admitted_loss;
  double close_deficit;
};

// One matrix of a problem.
template <class P>
struct OutputView {
  const Shares<P>* shares;  // [hidden_layers + 1], device memory
  bool all_trained;
  // Coefficients [degree + 1][pieces] of a DepthTable's branches, device memory; null: layers run.
  const P* acute_table;
  const P* obtuse_table;
  const P* diagonal;  // [rows], symmetric problems
};

}  // namespace fastntk::cuda
