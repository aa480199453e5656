// SPDX-License-Identifier: Apache-2.0
// tile_kernel.cuh with the recursion on jets of one derivative, which is what goes to the sink: a
// parameter's matrix costs the products once more, and the registers of two derivatives are not there.
// Twin of cpu/isa/gradient_layers.h.
//
// Cost of an entry beside its product: about 110 instructions per ReLU layer, most of them in double.
#pragma once

#include "common/pair_gradient.h"
#include "cuda/any_gradient_layers.cuh"
#include "cuda/gradient_kernel.h"
#include "cuda/tile_kernel.cuh"

namespace fastntk::cuda {

struct GradientSide {
  RowTableView<double> table;
  RowTableView<double> by;

  __device__ MixingScalars<OneJet> first(int i) const {
    return {jet_at(table.first_w(), by.first_w(), i), jet_at(table.first_v(), by.first_v(), i)};
  }
  __device__ MixingScalars<OneJet> mixing(int layer, int i) const {
    return {jet_at(table.w<ReluOrErfNetwork>(layer), by.w<ReluOrErfNetwork>(layer), i),
            jet_at(table.v<ReluOrErfNetwork>(layer), by.v<ReluOrErfNetwork>(layer), i)};
  }
  __device__ OneJet scalar(int layer, int k, int i) const {
    return jet_at(table.scalar<ReluOrErfNetwork>(layer, k), by.scalar<ReluOrErfNetwork>(layer, k),
                  i);
  }
};

// A lane's cells, columns a warp apart.
struct GradientCells {
  static constexpr int kCols = Unit<double>::kCols;
  static_assert(Unit<double>::kRows == 1, "a lane has cells of one row");
  AngleState<OneJet> state[kCols];
  int row;
  int col[kCols];
};

template <class Act, int kLevel>
__device__ void gradient_step(const Act& act, const GradientSide& rows, const GradientSide& cols,
                              int layer, GradientCells& cells) {
  const MixingScalars<OneJet> own = rows.mixing(layer, cells.row);
  constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
  FASTNTK_UNROLL
  for (int c = 0; c < GradientCells::kCols; ++c) {
    OneJet row_scalars[kScalars], col_scalars[kScalars];
    for_row_scalars(act, [&](int k) {
      row_scalars[k] = rows.scalar(layer, k, cells.row);
      col_scalars[k] = cols.scalar(layer, k, cells.col[c]);
    });
    AngleState<OneJet>& state = cells.state[c];
    const auto dual = act.template pair_step<kLevel>(state.x, row_scalars, col_scalars);
    state = mix_folded(dual, state.t, own, cols.mixing(layer, cells.col[c]), AllTrained{});
  }
}

template <class Act>
__device__ void gradient_step(const Act& act, int angle_level, const GradientSide& rows,
                              const GradientSide& cols, int layer, GradientCells& cells) {
  if (!Act::kUsesAngleLevels || angle_level == kFolded)
    gradient_step<Act, kFolded>(act, rows, cols, layer, cells);
  else if constexpr (Act::kUsesAngleLevels)
    gradient_step<Act, kAcute>(act, rows, cols, layer, cells);
}

// States of the last layer from the deficits of the first.
__device__ inline void run_gradient_layers(const ProblemView<double>& problem,
                                           const GradientView& gradient, GradientCells& cells) {
  const GradientSide rows{problem.rows.table, gradient.rows.table};
  const GradientSide cols{problem.cols.table, gradient.cols.table};
  const MixingScalars<OneJet> own = rows.first(cells.row);
  FASTNTK_UNROLL
  for (int c = 0; c < GradientCells::kCols; ++c) {
    const int j = cells.col[c];
    const MixingScalars<OneJet> other = cols.first(j);
    const double log_w = gradient.rows.log_w[cells.row] + gradient.cols.log_w[j];
    AngleState<OneJet>& state = cells.state[c];
    state.x = first_deficit(state.x.value, own, other, &log_w);
    state.t = first_layer(unfold(state.x), own, other, AllTrained{});
  }
  for (int layer = 0; layer < problem.hidden_layers; ++layer) {
    const LayerStep& step = problem.layers[layer];
    if (step.activation.kind == ActivationKind::kErf)
      gradient_step(Erf(nullptr), step.angle_level, rows, cols, layer, cells);
    else
      gradient_step(Relu(nullptr), step.angle_level, rows, cols, layer, cells);
  }
}

__device__ inline double derivative_of(const ProblemView<double>& problem,
                                       const GradientView& gradient,
                                       const AngleState<OneJet>& state, int i, int j) {
  const double scale = problem.rows.scale[i] * problem.cols.scale[j];
  const double log_scale = gradient.rows.log_scale[i] + gradient.cols.log_scale[j];
  return kernel_of(state, gradient.nngp, scale, &log_scale).by[0];
}

// Derivatives of every unit of the block's rows, written, and kept for the transpose; all threads of
// the block.
template <class Family, class Shape>
__device__ void differentiate_cells(const ProblemView<double>& problem,
                                    const GradientView& gradient, const TilePlace<Shape>& place,
                                    double doubtful, const Cells<double, Shape::kCols>& cells,
                                    const DenseSink& to) {
  using Lane = Unit<double>;
  constexpr bool kIntegers =
      Shape::kProduct == Product::kInteger || Shape::kProduct == Product::kWideInteger;
  const int first = threadIdx.x / kWarp * Shape::kRowsPerWarp;
  for (int row = first; row < first + Shape::kRowsPerWarp; ++row) {
    for (int col = threadIdx.x % kWarp; col < Shape::kCols; col += kWarp * Lane::kCols) {
      Lane unit(place.row + row, place.col + col, place.rows, place.cols);
      const UnitCells<Shape, double> own{cells, row, col};
      for_unit(unit, [&](int r, int c) { unit.x[r][c] = own.at(r, c); });
      if constexpr (kIntegers)
        integer_deficits(problem, doubtful, own, unit);
      if constexpr (std::is_same_v<Family, AnyNetwork>) {
        for_unit(unit, [&](int r, int c) { own.at(r, c) = unit.x[r][c]; });
        // The code for a cell stands here once.
        FASTNTK_ROLLED
        for (int c = 0; c < Lane::kCols; ++c) {
          const int at_row = unit.row_of(0), at_col = unit.col_of(c);
          own.at(0, c) = derivative_of(
              problem, gradient,
              run_any_gradient_layers(problem, gradient, at_row, at_col, own.at(0, c)), at_row,
              at_col);
        }
      } else {
        GradientCells jets;
        jets.row = unit.row[0];
        FASTNTK_UNROLL
        for (int c = 0; c < Lane::kCols; ++c) {
          jets.state[c].x = unit.x[0][c];
          jets.col[c] = unit.col[c];
        }
        run_gradient_layers(problem, gradient, jets);
        FASTNTK_UNROLL
        for (int c = 0; c < Lane::kCols; ++c)
          own.at(0, c) = derivative_of(problem, gradient, jets.state[c], unit.row[0], unit.col[c]);
      }
      const int i = place.row + row;
      FASTNTK_UNROLL
      for (int c = 0; c < Lane::kCols; ++c) {
        const int j = place.col + col + c * kWarp;
        double value = own.at(0, c);
        if (place.diagonal(i, j) && place.owns(i, j))
          value = gradient.rows.diagonal[i];
        if (place.owns(i, j))
          store(to, to.index(i, j) - place.first_col, value);
        own.at(0, c) = value;
      }
    }
  }
}

template <Product kProduct, class Family>
__global__ void __launch_bounds__(kThreads, 1)
    gradient_kernel(const __grid_constant__ ProblemView<double> problem,
                    const __grid_constant__ OutputView<double> output,
                    const __grid_constant__ GradientView gradient,
                    const __grid_constant__ TileOrder<TileShape<kProduct, double>> order,
                    const __grid_constant__ TileSink sink) {
  // block x -> tile (i, j) of the upper triangle, or of the whole
  using Shape = TileShape<kProduct, double>;
  __shared__ double doubtful;
  TileIndex at;
  if (!order.tile(blockIdx.x, at))
    return;
  const TilePlace<Shape> place(at, 0, problem.batch_rows, problem.batch_cols, problem.symmetric);
  char* shared = dynamic_shared<char>();
  const Cells<double, Shape::kCols> cells{reinterpret_cast<double*>(shared)};
  if (kProduct == Product::kInteger && threadIdx.x == 0)
    doubtful = doubtful_deficit(problem, place);
  {
    ProductOf<Shape> product;
    Pipeline<Shape> pipeline(problem, place.row, place.col, shared);
    pipeline.run([&](const char* stage) { product.step(stage); });
    fill_cells(problem, output, place, product, cells);
  }
  __syncthreads();
  differentiate_cells<Family>(problem, gradient, place, doubtful, cells, sink.dense);
  if (place.symmetric)
    store_transpose(place, cells, sink.dense);
}

}  // namespace fastntk::cuda
