// SPDX-License-Identifier: Apache-2.0
// any_layers.cuh with jets of one derivative in place of numbers; without skip connections.
#pragma once

#include "common/jet.h"
#include "cuda/gradient_kernel.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

using OneJet = Jet<double, 1>;

__device__ inline OneJet jet_at(const double* value, const double* derivative, long i) {
  return OneJet::of(value[i], [=](int) { return derivative[i]; });
}

// Scalar k of a row, with its derivative, read where it is used: there may be many.
struct JetsInPlace {
  const double* value;  // of the row
  const double* derivative;
  long stride;

  __device__ OneJet operator[](int k) const { return jet_at(value, derivative, k * stride); }
};

// A side of the matrix for one row of it.
struct GradientRow {
  const RowTableView<double>& table;
  const RowTableView<double>& by;
  int i;

  __device__ MixingScalars<OneJet> first() const {
    return {jet_at(table.first_w(), by.first_w(), i), jet_at(table.first_v(), by.first_v(), i)};
  }
  __device__ MixingScalars<OneJet> mixing(int layer) const {
    return {jet_at(table.w<AnyNetwork>(layer), by.w<AnyNetwork>(layer), i),
            jet_at(table.v<AnyNetwork>(layer), by.v<AnyNetwork>(layer), i)};
  }
  __device__ JetsInPlace scalars(int layer) const {
    return {table.scalar<AnyNetwork>(layer, 0) + i, by.scalar<AnyNetwork>(layer, 0) + i,
            table.stride};
  }
};

template <class Act>
__device__ AngleState<OneJet> gradient_behind(const Act& act, const GradientRow& row,
                                              const GradientRow& col, int layer,
                                              const AngleState<OneJet>& state) {
  const JetsInPlace a = row.scalars(layer), b = col.scalars(layer);
  const auto behind = [&](const auto& dual) {
    return mix_folded(dual, state.t, row.mixing(layer), col.mixing(layer), AllTrained{});
  };
  if constexpr (Act::kRowScalars == kMaxRowScalars) {
    return behind(act.template pair_step<kFolded>(state.x, a, b));
  } else {
    constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
    OneJet row_scalars[kScalars], col_scalars[kScalars];
    for_row_scalars(act, [&](int k) {
      row_scalars[k] = a[k];
      col_scalars[k] = b[k];
    });
    return behind(act.template pair_step<kFolded>(state.x, row_scalars, col_scalars));
  }
}

// The state of the last layer from the deficit of the first.
__device__ inline AngleState<OneJet> run_any_gradient_layers(const ProblemView<double>& problem,
                                                             const GradientView& gradient, int i,
                                                             int j, double x) {
  const GradientRow row{problem.rows.table, gradient.rows.table, i};
  const GradientRow col{problem.cols.table, gradient.cols.table, j};
  const double log_w = gradient.rows.log_w[i] + gradient.cols.log_w[j];
  const MixingScalars<OneJet> own = row.first(), other = col.first();
  AngleState<OneJet> state;
  state.x = first_deficit(x, own, other, &log_w);
  state.t = first_layer(unfold(state.x), own, other, AllTrained{});
  FASTNTK_ROLLED
  for (int layer = 0; layer < problem.hidden_layers; ++layer) {
    const LayerStep& step = problem.layers[layer];
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    state = gradient_behind(Type(step.activation.numbers()), row, col, layer, state);              \
    break;
    switch (step.activation.kind) {
      FASTNTK_ACTIVATIONS(FASTNTK_CASE)
    default:
      break;
    }
#undef FASTNTK_CASE
  }
  return state;
}

}  // namespace fastntk::cuda
