// SPDX-License-Identifier: Apache-2.0
// The recursion over the layers, a unit of cells at a time; twin of cpu/isa/layers.h. x and t of a
// unit stay in registers from the first layer to the last. What is known of the angles is a template
// parameter of a step, which the layer picks: the same for all threads.
#pragma once

#include "common/depth_table.h"
#include "common/layer.h"
#include "common/limiting_plan.h"
#include "cuda/problem.h"
#include "cuda/tile_shape.h"

namespace fastntk::cuda {

// A lane's cells: neighbouring rows, and two columns a warp apart.
template <class P>
struct Unit {
  static constexpr int kRows = sizeof(P) == sizeof(float) ? 4 : 1;
  static constexpr int kCols = 2;
  P x[kRows][kCols];
  P t[kRows][kCols];
  // Indices to read for the cells, which may lie behind the data.
  int row[kRows];
  int col[kCols];

  __device__ Unit(int first_row, int first_col, int rows, int cols)
      : first_row_(first_row), first_col_(first_col), rows_(rows), cols_(cols) {
    FASTNTK_UNROLL
    for (int r = 0; r < kRows; ++r)
      row[r] = row_of(r);
    FASTNTK_UNROLL
    for (int c = 0; c < kCols; ++c)
      col[c] = col_of(c);
  }

  __device__ int row_of(int r) const { return clamped(first_row_ + r, rows_); }
  __device__ int col_of(int c) const { return clamped(first_col_ + c * kWarp, cols_); }

private:
  __device__ static int clamped(int index, int count) { return index < count ? index : count - 1; }

  int first_row_, first_col_, rows_, cols_;
};

template <class P, class F>
__device__ void for_unit(const Unit<P>&, F f) {
  FASTNTK_UNROLL
  for (int r = 0; r < Unit<P>::kRows; ++r) {
    FASTNTK_UNROLL
    for (int c = 0; c < Unit<P>::kCols; ++c)
      f(r, c);
  }
}

template <class Family, class P>
__device__ MixingScalars<P> mixing_of(const RowTableView<P>& table, int layer, int i) {
  return {table.template w<Family>(layer)[i], table.template v<Family>(layer)[i]};
}

// x comes folded. ReLU's dual is never obtuse; behind others x is folded again. What others read of
// rows they read for each cell: together it outgrows the registers.
template <class Act, int kLevel, class P, class SharesOrAll>
__device__ void layer_step(const Act& act, const ProblemView<P>& problem, int layer,
                           const SharesOrAll& shares, Unit<P>& unit) {
  const RowTableView<P>&rows = problem.rows.table, &cols = problem.cols.table;
  constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
  MixingScalars<P> mixing[Unit<P>::kCols];
  if constexpr (Act::kUsesAngleLevels) {
    FASTNTK_UNROLL
    for (int c = 0; c < Unit<P>::kCols; ++c)
      mixing[c] = mixing_of<ReluOrErfNetwork>(cols, layer, unit.col[c]);
  }
  FASTNTK_UNROLL
  for (int r = 0; r < Unit<P>::kRows; ++r) {
    const MixingScalars<P> own = mixing_of<ReluOrErfNetwork>(rows, layer, unit.row[r]);
    FASTNTK_UNROLL
    for (int c = 0; c < Unit<P>::kCols; ++c) {
      P row_scalars[kScalars], col_scalars[kScalars];
      for_row_scalars(act, [&](int k) {
        row_scalars[k] = rows.template scalar<ReluOrErfNetwork>(layer, k)[unit.row[r]];
        col_scalars[k] = cols.template scalar<ReluOrErfNetwork>(layer, k)[unit.col[c]];
      });
      const auto dual = act.template pair_step<kLevel>(unit.x[r][c], row_scalars, col_scalars);
      AngleState<P> state;
      if constexpr (Act::kUsesAngleLevels)
        state = mix(dual, unit.t[r][c], own, mixing[c], shares);
      else
        state =
            mix_folded(dual, unit.t[r][c], mixing_of<ReluOrErfNetwork>(rows, layer, unit.row[r]),
                       mixing_of<ReluOrErfNetwork>(cols, layer, unit.col[c]), shares);
      unit.x[r][c] = state.x;
      unit.t[r][c] = state.t;
    }
  }
}

// Angles of later layers need shorter polynomials; the long ones serve everywhere. What runs less
// often than the NTK of ReLU networks has fewer variants.
template <class Act, class P, class SharesOrAll>
__device__ void layer_step(const Act& act, int angle_level, const ProblemView<P>& problem,
                           int layer, const SharesOrAll& shares, Unit<P>& unit) {
#define FASTNTK_LEVEL(level)                                                                       \
  case level:                                                                                      \
    return layer_step<Act, level>(act, problem, layer, shares, unit);
  if constexpr (!Act::kUsesAngleLevels) {
    layer_step<Act, kFolded>(act, problem, layer, shares, unit);
  } else if constexpr (std::is_same_v<SharesOrAll, AllTrained>) {
    switch (angle_level) {
      FASTNTK_LEVEL(kFolded)
      FASTNTK_LEVEL(kAcute)
      FASTNTK_LEVEL(kSecondLayer)
      FASTNTK_LEVEL(kThirdLayer)
    default:
      return layer_step<Act, kDeeper>(act, problem, layer, shares, unit);
    }
  } else {
    switch (angle_level) {
      FASTNTK_LEVEL(kFolded)
    default:
      return layer_step<Act, kAcute>(act, problem, layer, shares, unit);
    }
  }
#undef FASTNTK_LEVEL
}

template <class P, class SharesOrAll>
__device__ void layer_step(const ProblemView<P>& problem, int layer, const SharesOrAll& shares,
                           Unit<P>& unit) {
  const LayerStep& step = problem.layers[layer];
  // A recursion in float is known to be precise for ReLU.
  switch (step.activation.kind) {
  case ActivationKind::kRelu:
    layer_step(Relu(nullptr), step.angle_level, problem, layer, shares, unit);
    break;
  case ActivationKind::kErf:
    if constexpr (sizeof(P) == sizeof(double))
      layer_step(Erf(nullptr), step.angle_level, problem, layer, shares, unit);
    break;
  default:
    break;
  }
}

// t of the last layer from x of the first. shares_of(l): those of linear map l.
template <class P, class SharesOf>
__device__ void run_layers(const ProblemView<P>& problem, SharesOf shares_of, Unit<P>& unit) {
  const RowTableView<P>&rows = problem.rows.table, &cols = problem.cols.table;
  for_unit(unit, [&](int r, int c) {
    const MixingScalars<P> own{rows.first_w()[unit.row[r]], rows.first_v()[unit.row[r]]};
    const MixingScalars<P> other{cols.first_w()[unit.col[c]], cols.first_v()[unit.col[c]]};
    unit.t[r][c] =
        first_layer(problem.folded ? unfold(unit.x[r][c]) : unit.x[r][c], own, other, shares_of(0));
  });
  for (int layer = 0; layer < problem.hidden_layers; ++layer)
    layer_step(problem, layer, shares_of(layer + 1), unit);
}

__device__ inline int low_bits(float number) { return __float_as_int(number); }
__device__ inline int low_bits(double number) {
  return static_cast<int>(__double_as_longlong(number));
}

// Reading a depth table in shared memory, [degree + 1][kPieces]: the pieces of one coefficient fill
// the banks once, so lanes meet only where they read the same number.
template <class P>
__device__ P table_value(const P* acute, const P* obtuse, P x) {
  using Table = DepthTable<P>;
  // Adding it rounds to an integer that the low bits of the sum then hold: 1.5 2^23, 1.5 2^52.
  constexpr P kRounding = sizeof(P) == sizeof(float) ? P(12582912) : P(6755399441055744);
  const bool beyond = x < P(0);
  const P s = square_root(beyond ? -x : x);
  const P index = mul_add(s, Table::kPiecesPerUnit, kRounding);
  const P offset = mul_add(s, Table::kPiecesPerUnit, kRounding - index);
  // No conversion: there are few units for those.
  const P* coefficients = (beyond ? obtuse : acute) + (low_bits(index) & (Table::kPieces - 1));
  P sum = coefficients[Table::kDegree * Table::kPieces];
  FASTNTK_UNROLL
  for (int k = Table::kDegree - 1; k >= 0; --k)
    sum = mul_add(sum, offset, coefficients[k * Table::kPieces]);
  return sum;
}

}  // namespace fastntk::cuda
