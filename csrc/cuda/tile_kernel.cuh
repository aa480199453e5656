// SPDX-License-Identifier: Apache-2.0
// Tiles of a limiting Gram matrix: products of rows, angles, the recursion over the layers, and what
// becomes of the result, without a word to device memory in between.
//
//   problem  both sides, packed, with the row steps of all layers     (problem.h)
//   output   which matrix of the problem
//   order    which block computes which tile                          (tile_shape.h)
//   sink     where the entries go                                     (tile_sink.h)
//   Family   the networks that the kernel is compiled for             (network_family.h)
//
// Cost of an entry: columns / 32 steps of a matrix instruction shared by 512 entries (eight times
// that for kSlices), about 25 instructions per layer or 12 for a table, one store and, above the
// diagonal of a symmetric matrix, a second one. Shared memory: TileShape::kSharedBytes.
#pragma once

#include "cuda/any_layers.cuh"
#include "cuda/deficits.cuh"
#include "cuda/layers.cuh"
#include "cuda/products/bytes.cuh"
#include "cuda/products/numbers.cuh"
#include "cuda/tile_ends.cuh"

namespace fastntk::cuda {

template <class Shape>
auto product_of_shape() {
  if constexpr (Shape::kProduct == Product::kInteger)
    return IntegerProduct<Shape>{};
  else if constexpr (Shape::kProduct == Product::kSlices)
    return SliceProduct<Shape>{};
  else if constexpr (Shape::kProduct == Product::kFloat)
    return FloatProduct<Shape>{};
  else
    return DoubleProduct<Shape>{};
}
template <class Shape>
using ProductOf = decltype(product_of_shape<Shape>());

template <class P>
constexpr int kTableNumbers = (DepthTable<P>::kDegree + 1) * DepthTable<P>::kPieces;

// What evaluating a tile reads besides the problem, in shared memory.
template <class P>
struct TileConstants {
  double doubtful;  // integers: deficits below it need care
  P tables[2][kTableNumbers<P>];
};

template <class Shape, class P>
__device__ void fill_constants(const ProblemView<P>& problem, const OutputView<P>& output,
                               const TilePlace<Shape>& place, TileConstants<P>& constants) {
  if (Shape::kProduct == Product::kInteger && threadIdx.x == 0)
    constants.doubtful = doubtful_deficit(problem, place);
  for (int at = threadIdx.x; at < kTableNumbers<P>; at += kThreads) {
    if (output.acute_table != nullptr)
      constants.tables[0][at] = output.acute_table[at];
    if (output.obtuse_table != nullptr)
      constants.tables[1][at] = output.obtuse_table[at];
  }
}

// The cells of a lane that make a unit.
template <class Shape, class P>
struct UnitCells {
  Cells<P, Shape::kCols> cells;
  int row, col;

  __device__ P& at(int r, int c) const { return cells.at(row + r, col + c * kWarp); }
};

// The deficits of a unit of integer data. Those that need care go through their cells one after the
// other: the code for them stands here once, and not once per cell.
template <class Shape, class P>
__device__ void integer_deficits(const ProblemView<P>& problem, double doubtful,
                                 const UnitCells<Shape, P>& cells, Unit<P>& unit) {
  constexpr bool kWide = Shape::kProduct == Product::kWideInteger;
  unsigned care = 0;
  // Where all deficits need care, they have the better formula at once.
  const bool all = !kWide && doubtful >= 1;
  for_unit(unit, [&](int r, int c) {
    if constexpr (!kWide) {
      const int dot = integer_of_cell(unit.x[r][c]), i = unit.row[r], j = unit.col[c];
      unit.x[r][c] =
          all ? better_deficit(problem, dot, i, j)
              : deficit_from_distance(integer_distance(problem, dot, i, j),
                                      radius_of(problem.rows, i), radius_of(problem.cols, j));
    }
    if (!(unit.x[r][c] >= static_cast<P>(kWide || all ? 0 : doubtful)))
      care |= 1u << (r * Unit<P>::kCols + c);
  });
  if (care == 0)
    return;
  FASTNTK_ROLLED
  for (unsigned left = care; left != 0; left &= left - 1) {
    const int bit = __ffs(static_cast<int>(left)) - 1;
    const int r = bit / Unit<P>::kCols, c = bit % Unit<P>::kCols;
    // Indices again: registers have no index that a program can compute.
    const int i = unit.row_of(r), j = unit.col_of(c);
    P& cell = cells.at(r, c);
    if constexpr (kWide)
      cell = deficit_from_integers(problem.rows.norms[i], problem.cols.norms[j],
                                   static_cast<long long>(-1 - cell), problem.bias_term);
    else
      cell = careful_deficit(problem, integer_of_cell(cell), i, j);
  }
  for_unit(unit, [&](int r, int c) {
    if ((care >> (r * Unit<P>::kCols + c) & 1) != 0)
      unit.x[r][c] = cells.at(r, c);
  });
}

// t of a unit of cells: Theta / sqrt(q q'), or the kernel itself without hidden layers.
template <class Family, class Shape, class P>
__device__ void evaluate(const ProblemView<P>& problem, const OutputView<P>& output,
                         const TileConstants<P>& constants, const UnitCells<Shape, P>& cells,
                         Unit<P>& unit) {
  for_unit(unit, [&](int r, int c) { unit.x[r][c] = cells.at(r, c); });
  if (problem.hidden_layers == 0) {
    for_unit(unit, [&](int r, int c) {
      if constexpr (Shape::kProduct == Product::kInteger)
        unit.t[r][c] =
            linear_kernel(problem, output, static_cast<unsigned>(integer_of_cell(unit.x[r][c])),
                          unit.row[r], unit.col[c]);
      else
        unit.t[r][c] = unit.x[r][c];
    });
    return;
  }
  if constexpr (Shape::kProduct == Product::kInteger || Shape::kProduct == Product::kWideInteger)
    integer_deficits(problem, constants.doubtful, cells, unit);
  if constexpr (std::is_same_v<Family, AnyNetwork>) {
    for_unit(unit, [&](int r, int c) { cells.at(r, c) = unit.x[r][c]; });
    // The code for a cell stands here once.
    FASTNTK_ROLLED
    for (int c = 0; c < Unit<P>::kCols; ++c) {
      P& cell = cells.at(0, c);
      cell = run_any_layers(problem, output.shares, unit.row_of(0), unit.col_of(c), cell);
    }
    for_unit(unit, [&](int r, int c) { unit.t[r][c] = cells.at(r, c); });
  } else if (output.acute_table != nullptr) {
    for_unit(unit, [&](int r, int c) {
      unit.t[r][c] = table_value(constants.tables[0], constants.tables[1], unit.x[r][c]);
    });
  } else if (output.all_trained) {
    run_layers(problem, [](int) { return AllTrained{}; }, unit);
  } else {
    run_layers(problem, [&](int l) { return output.shares[l]; }, unit);
  }
}

// Kernel values of every unit of the block's rows; all threads of the block. Cells keep what is
// needed of them: the entries above the diagonal for the transpose, or t for vectors.
template <class Family, class Shape, class P>
__device__ void evaluate_cells(const ProblemView<P>& problem, const OutputView<P>& output,
                               const TilePlace<Shape>& place, const TileConstants<P>& constants,
                               const Cells<P, Shape::kCols>& cells, const TileSink& sink) {
  const bool linear = problem.hidden_layers == 0;
  const int first = threadIdx.x / kWarp * Shape::kRowsPerWarp;
  for (int row = first; row < first + Shape::kRowsPerWarp; row += Unit<P>::kRows) {
    for (int col = threadIdx.x % kWarp; col < Shape::kCols; col += kWarp * Unit<P>::kCols) {
      Unit<P> unit(place.row + row, place.col + col, place.rows, place.cols);
      const UnitCells<Shape, P> own{cells, row, col};
      evaluate<Family>(problem, output, constants, own, unit);
      FASTNTK_UNROLL
      for (int r = 0; r < Unit<P>::kRows; ++r) {
        const int i = place.row + row + r, j = place.col + col;
        const P row_scale = linear ? P(1) : problem.rows.scale[unit.row[r]];
        const long at = sink.dense.index(i, j) - place.first_col;
        FASTNTK_UNROLL
        for (int c = 0; c < Unit<P>::kCols; ++c) {
          const P factor = linear ? P(1) : row_scale * problem.cols.scale[unit.col[c]];
          const bool used = place.owns(i, j + c * kWarp);
          P value = sink.writes() ? unit.t[r][c] * factor : unit.t[r][c];
          if (used && place.diagonal(i, j + c * kWarp)) {
            const P exact = output.diagonal[i];
            value = sink.writes() ? exact : factor > P(0) ? exact / factor : P(0);
          }
          // A packed block is as wide as a unit, or wider: neighbours lie alike in either layout.
          if (sink.writes() && used)
            store(sink.dense, at + c * kWarp, value);
          own.at(r, c) = used ? value : P(0);
        }
      }
    }
  }
}

template <Product kProduct, class P, class Family>
__global__ void __launch_bounds__(kThreads, (TileShape<kProduct, P>::kBlocks < Family::kMostBlocks
                                                 ? TileShape<kProduct, P>::kBlocks
                                                 : Family::kMostBlocks))
    tile_kernel(const __grid_constant__ ProblemView<P> problem,
                const __grid_constant__ OutputView<P> output,
                const __grid_constant__ TileOrder<TileShape<kProduct, P>> order,
                const __grid_constant__ TileSink sink) {
  // block (x, y) -> tile (i, j) of the upper triangle, or of the whole, of matrix y of the batch
  using Shape = TileShape<kProduct, P>;
  __shared__ TileConstants<P> constants;
  TileIndex at;
  if (!order.tile(blockIdx.x, at))
    return;
  const TilePlace<Shape> place(at, blockIdx.y, problem.batch_rows, problem.batch_cols,
                               problem.symmetric);
  char* shared = dynamic_shared<char>();
  const Cells<P, Shape::kCols> cells{reinterpret_cast<P*>(shared)};
  fill_constants(problem, output, place, constants);
  {
    ProductOf<Shape> product;
    Pipeline<Shape> pipeline(problem, place.row, place.col, shared);
    pipeline.run([&](const char* stage) { product.step(stage); });
    fill_cells(problem, output, place, product, cells);
  }
  __syncthreads();
  evaluate_cells<Family>(problem, output, place, constants, cells, sink);
  pass_on(place, cells, sink, shared + Shape::kCellBytes);
}

}  // namespace fastntk::cuda
