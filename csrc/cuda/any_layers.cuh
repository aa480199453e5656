// SPDX-License-Identifier: Apache-2.0
// The recursion over the layers of any network, a cell at a time, in double: formulas of all
// activations need the registers of a thread for one cell. Deficits are folded before and behind every
// layer; twin of general_step in cpu/isa/layers.h.
#pragma once

#include "common/layer.h"
#include "cuda/problem.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

// Scalar k of a row, read where it is used: there may be many.
struct ScalarsInPlace {
  const double* first;  // of the row
  long stride;

  __device__ double operator[](int k) const { return first[k * stride]; }
};

struct AnyCell {
  int row, col;
  AngleState<double> state;
};

template <class Act>
__device__ auto dual_of_cell(const Act& act, const RowTableView<double>& rows,
                             const RowTableView<double>& cols, int layer, const AnyCell& cell) {
  const ScalarsInPlace a{rows.scalar<AnyNetwork>(layer, 0) + cell.row, rows.stride};
  const ScalarsInPlace b{cols.scalar<AnyNetwork>(layer, 0) + cell.col, cols.stride};
  if constexpr (Act::kRowScalars == kMaxRowScalars) {
    return act.template pair_step<kFolded>(cell.state.x, a, b);
  } else {
    constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
    double row_scalars[kScalars], col_scalars[kScalars];
    for_row_scalars(act, [&](int k) {
      row_scalars[k] = a[k];
      col_scalars[k] = b[k];
    });
    return act.template pair_step<kFolded>(cell.state.x, row_scalars, col_scalars);
  }
}

template <class Act>
__device__ AngleState<double> state_behind(const Act& act, bool skip,
                                           const RowTableView<double>& rows,
                                           const RowTableView<double>& cols, int layer,
                                           const Shares<double>& shares, const AnyCell& cell) {
  const auto dual = dual_of_cell(act, rows, cols, layer, cell);
  const MixingScalars<double> own{rows.w<AnyNetwork>(layer)[cell.row],
                                  rows.v<AnyNetwork>(layer)[cell.row]};
  const MixingScalars<double> other{cols.w<AnyNetwork>(layer)[cell.col],
                                    cols.v<AnyNetwork>(layer)[cell.col]};
  if (skip)
    return mix_with_skip(dual, cell.state, own, other, rows.r(layer)[cell.row],
                         cols.r(layer)[cell.col], shares);
  return mix_folded(dual, cell.state.t, own, other, shares);
}

__device__ inline void any_layer_step(const ProblemView<double>& problem, int layer,
                                      const Shares<double>& shares, AnyCell& cell) {
  const LayerStep& step = problem.layers[layer];
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    cell.state = state_behind(Type(step.activation.numbers()), step.skip, problem.rows.table,      \
                              problem.cols.table, layer, shares, cell);                            \
    break;
  switch (step.activation.kind) {
    FASTNTK_ACTIVATIONS(FASTNTK_CASE)
  default:
    break;
  }
#undef FASTNTK_CASE
}

// t of the last layer from x of the first, of rows and columns that there are.
__device__ inline double run_any_layers(const ProblemView<double>& problem,
                                        const Shares<double>* shares, int row, int col, double x) {
  const RowTableView<double>&rows = problem.rows.table, &cols = problem.cols.table;
  AnyCell cell{row, col, {x, 0}};
  cell.state.t =
      first_layer(unfold(x), MixingScalars<double>{rows.first_w()[row], rows.first_v()[row]},
                  MixingScalars<double>{cols.first_w()[col], cols.first_v()[col]}, shares[0]);
  FASTNTK_ROLLED
  for (int layer = 0; layer < problem.hidden_layers; ++layer)
    any_layer_step(problem, layer, shares[layer + 1], cell);
  return cell.state.t;
}

}  // namespace fastntk::cuda
