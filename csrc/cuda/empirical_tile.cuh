// SPDX-License-Identifier: Apache-2.0
// Tiles of an empirical NTK between rows (i, k), output k of point i [Novak et al. 2022, section 3]:
//   K[(i, k), (j, k')] = sum_t S_t[(i, k), (j, k')] (alpha_t A_t[i] . A_t[j] + beta_t),
//   S_t = D_t[(i, k)] . D_t[(j, k')], or 1 where k = k' and 0 elsewhere,
// with activations A_t [points, n_t] and signals D_t [points outputs, m_t]. Neither product is ever
// in device memory.
//
//   problem  the rows of all terms                                     (empirical_problem.h)
//   order    which block computes which tile                           (tile_shape.h)
//   sink     where the entries go                                      (tile_sink.h)
//
// Few tiles would leave most of a GPU idle: a block then has one chunk of one product, which it
// writes to a slab, and a second kernel adds slabs up in their order (empirical_chunks.cuh).
//
// Cost of an entry: sum_t (m_t + n_t) columns, n_t / outputs^2 where points have two rows or more. A
// run of 16 floats is 96 matrix instructions of a warp among about 420: 192 split numbers, 64 add short
// sums up. One of 8 doubles is 32 among about 100. Shared memory: the tile's sums, and two stages of
// runs. A thread keeps both products of a term in its registers, up to 255 of them.
#pragma once

#include "cuda/products/numbers.cuh"
#include "cuda/products/tf32.cuh"
#include "cuda/row_pipeline.cuh"
#include "cuda/tile_ends.cuh"

namespace fastntk::cuda {

template <class T, class Shape>
using RowProduct =
    std::conditional_t<sizeof(T) == sizeof(float), Tf32Product<Shape>, DoubleProduct<Shape>>;

// f(i, j, e, row, col) for every cell of the thread, as products have them.
template <class Shape, class F>
__device__ void for_own_cells(F f) {
  const int thread = unknown(threadIdx.x);
  const int row = Shape::thread_row(thread), col = Shape::thread_col(thread);
  FASTNTK_UNROLL
  for (int i = 0; i < Shape::kThreadRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < Shape::kThreadPairs; ++j) {
      FASTNTK_UNROLL
      for (int e = 0; e < 2; ++e)
        f(i, j, e, row + 8 * i, col + 8 * j + e);
    }
    __syncwarp();  // one row after the other
  }
}

template <class T>
using EmpiricalOrder = TileOrder<EmpiricalShape<T>>;

// The tile of a block. Where it is lies in shared memory: it takes no registers from use to use.
template <class T>
struct BlockTile {
  const EmpiricalView<T>& problem;
  const int* index;

  __device__ TilePlace<EmpiricalShape<T>> place() const {
    return {{index[0], index[1]}, 0, problem.rows, problem.cols, problem.symmetric};
  }
  // The points of its first row and column.
  __device__ int row_point() const { return place().row / problem.outputs; }
  __device__ int col_point() const { return place().col / problem.outputs; }
};

// Whether the block has a tile; index: of all its threads, shared memory.
template <class T>
__device__ bool find_tile(const EmpiricalOrder<T>& order, int (&index)[2]) {
  TileIndex at;
  const bool found = order.tile(blockIdx.x, at);
  if (found && threadIdx.x == 0) {
    index[0] = static_cast<int>(at.i);
    index[1] = static_cast<int>(at.j);
  }
  __syncthreads();
  return found;
}

// Sums over runs [begin, end) of the product of the block's rows and columns, or of their points.
template <class T>
__device__ RowProduct<T, EmpiricalShape<T>> rows_product(const BlockTile<T>& tile,
                                                         const ProductView& product, int begin,
                                                         int end, char* stages) {
  RowProduct<T, EmpiricalShape<T>> sums;
  RowPipeline<EmpiricalShape<T>> pipeline(product, tile.place().row, tile.place().col, stages);
  pipeline.run(begin, end, [&](const char* stage) { sums.step(stage); });
  return sums;
}

template <class T>
__device__ RowProduct<T, PointShape<T>> points_product(const BlockTile<T>& tile,
                                                       const ProductView& product, int begin,
                                                       int end, char* stages) {
  RowProduct<T, PointShape<T>> sums;
  RowPipeline<PointShape<T>> pipeline(product, tile.row_point(), tile.col_point(), stages);
  pipeline.run(begin, end, [&](const char* stage) { sums.step(stage); });
  return sums;
}

// S of a term without signals.
template <class T, bool kOfPoints>
__device__ T same_output(int i, int j, int outputs) {
  return !kOfPoints || i % outputs == j % outputs ? T(1) : T(0);
}

// cells += S (alpha P + beta) of one term. kOfPoints: points have two rows or more; their product is
// then formed once, and lies in shared memory in the place of the stages.
template <bool kOfPoints, class T, class Cells>
__device__ void add_term(const BlockTile<T>& tile, const TermView<T>& term, const Cells& cells,
                         char* stages) {
  using Shape = EmpiricalShape<T>;
  const int outputs = tile.problem.outputs;
  auto signals = rows_product(tile, term.signals, 0, term.signals.runs, stages);
  if (term.signals.runs == 0) {
    const auto place = tile.place();
    for_own_cells<Shape>([&](int i, int j, int e, int row, int col) {
      signals.at(i, j, e) = same_output<T, kOfPoints>(place.row + row, place.col + col, outputs);
    });
  }
  const auto add = [&](T signal, int row, int col, T product) {
    T& cell = cells.at(row, col);
    cell = mul_add(signal, mul_add(term.alpha, product, term.beta), cell);
  };
  const ProductView& activations = term.activations;
  if constexpr (kOfPoints) {
    const fastntk::cuda::Cells<T, PointShape<T>::kCols> points{reinterpret_cast<T*>(stages)};
    auto product = points_product(tile, activations, 0, activations.runs, stages);
    for_own_cells<PointShape<T>>(
        [&](int i, int j, int e, int row, int col) { points.at(row, col) = product.at(i, j, e); });
    __syncthreads();
    const auto place = tile.place();
    const int first_row = place.row / outputs, first_col = place.col / outputs;
    for_own_cells<Shape>([&](int i, int j, int e, int row, int col) {
      add(signals.at(i, j, e), row, col,
          points.at((place.row + row) / outputs - first_row,
                    (place.col + col) / outputs - first_col));
    });
    __syncthreads();
  } else {
    auto product = rows_product(tile, activations, 0, activations.runs, stages);
    for_own_cells<Shape>([&](int i, int j, int e, int row, int col) {
      add(signals.at(i, j, e), row, col, product.at(i, j, e));
    });
  }
}

// Entries of the tile to the sink; all threads of the block.
template <class T, class Cells>
__device__ void finish_tile(const BlockTile<T>& tile, const Cells& cells, const TileSink& sink,
                            char* panel) {
  using Shape = EmpiricalShape<T>;
  const auto place = tile.place();
  __syncthreads();
  for (int cell = threadIdx.x; cell < Shape::kCells; cell += kThreads) {
    const int row = cell / Shape::kCols, col = cell % Shape::kCols;
    const int i = place.row + row, j = place.col + col;
    const bool used = place.owns(i, j);
    T& value = cells.at(row, col);
    if (!used)
      value = T(0);
    else if (place.diagonal(i, j))
      value = tile.problem.diagonal[i];
    if (sink.writes() && used)
      store(sink.dense, sink.dense.index(i, j), value);
  }
  pass_on(place, cells, sink, panel);
}

// kOfPoints: points have two rows or more.
template <class T, bool kOfPoints>
__global__ void __launch_bounds__(kThreads, 1)
    empirical_tile_kernel(const __grid_constant__ EmpiricalView<T> problem,
                          const __grid_constant__ EmpiricalOrder<T> order,
                          const __grid_constant__ TileSink sink) {
  // block -> tile (i, j), of a symmetric matrix one of the upper triangle
  using Shape = EmpiricalShape<T>;
  __shared__ int index[2];
  if (!find_tile<T>(order, index))
    return;
  const BlockTile<T> tile{problem, index};
  char* shared = dynamic_shared<char>();
  char* stages = shared + Shape::kCellBytes;
  const Cells<T, Shape::kCols> cells{reinterpret_cast<T*>(shared)};
  for_own_cells<Shape>([&](int, int, int, int row, int col) { cells.at(row, col) = T(0); });
  FASTNTK_ROLLED
  for (int t = 0; t < problem.term_count; ++t)
    add_term<kOfPoints>(tile, problem.terms[t], cells, stages);
  finish_tile(tile, cells, sink, stages);
}

}  // namespace fastntk::cuda
