// SPDX-License-Identifier: Apache-2.0
// Few tiles of an empirical NTK, computed by many blocks: each forms a chunk of one product of one
// tile and writes it to a slab; then slabs are added up, in their order, and terms made of the sums.
#pragma once

#include "cuda/empirical_tile.cuh"

namespace fastntk::cuda {

// Numbers of a slab: a tile's product of signals, or of activations, or the latter of its points.
template <class T>
constexpr long kSlabCells = EmpiricalShape<T>::kCells;

template <class Shape, class T, class Product>
__device__ void store_slab(Product product, T* slab) {
  for_own_cells<Shape>([&](int i, int j, int e, int row, int col) {
    slab[row * Shape::kCols + col] = product.at(i, j, e);
  });
}

// slabs [tiles, chunks, kSlabCells]
template <class T, bool kOfPoints>
__global__ void __launch_bounds__(kThreads, 1)
    empirical_chunk_kernel(const __grid_constant__ EmpiricalView<T> problem,
                           const __grid_constant__ EmpiricalOrder<T> order, const ChunkView* chunks,
                           T* slabs) {
  // block (x, y) -> chunk y of tile x
  __shared__ int index[2];
  if (!find_tile<T>(order, index))
    return;
  const BlockTile<T> tile{problem, index};
  char* stages = dynamic_shared<char>();
  const ChunkView chunk = chunks[blockIdx.y];
  const TermView<T>& term = problem.terms[chunk.term];
  const ProductView& product = chunk.of_activations ? term.activations : term.signals;
  T* slab = slabs + (static_cast<long>(blockIdx.x) * gridDim.y + blockIdx.y) * kSlabCells<T>;
  if (kOfPoints && chunk.of_activations)
    store_slab<PointShape<T>>(points_product(tile, product, chunk.begin, chunk.end, stages), slab);
  else
    store_slab<EmpiricalShape<T>>(rows_product(tile, product, chunk.begin, chunk.end, stages),
                                  slab);
}

// What the chunks of a product left in cell `at` of their slabs.
template <class T>
__device__ T sum_of_chunks(const T* slabs, const ProductView& product, long at) {
  T sum = 0;
  for (int c = product.first_chunk; c < product.first_chunk + product.chunks; ++c)
    sum += slabs[c * kSlabCells<T> + at];
  return sum;
}

// to [rows, cols], both triangles of a symmetric matrix.
template <class T, bool kOfPoints>
__global__ void __launch_bounds__(kThreads)
    empirical_sum_kernel(const __grid_constant__ EmpiricalView<T> problem,
                         const __grid_constant__ EmpiricalOrder<T> order, const T* slabs,
                         int chunks, T* to) {
  // block (x, y) -> tile x, thread -> one of its cells
  using Shape = EmpiricalShape<T>;
  TileIndex at;
  if (!order.tile(blockIdx.x, at))
    return;
  const TilePlace<Shape> place(at, 0, problem.rows, problem.cols, problem.symmetric);
  const int cell = blockIdx.y * kThreads + threadIdx.x;
  const int i = place.row + cell / Shape::kCols, j = place.col + cell % Shape::kCols;
  if (!place.owns(i, j))
    return;
  int point = cell;
  if constexpr (kOfPoints)
    point = (i / problem.outputs - place.row / problem.outputs) * PointShape<T>::kCols +
            (j / problem.outputs - place.col / problem.outputs);
  const T* own = slabs + static_cast<long>(blockIdx.x) * chunks * kSlabCells<T>;
  T sum = 0;
  for (int t = 0; t < problem.term_count; ++t) {
    const TermView<T>& term = problem.terms[t];
    const T signal = term.signals.runs > 0 ? sum_of_chunks(own, term.signals, cell)
                                           : same_output<T, kOfPoints>(i, j, problem.outputs);
    const T product = sum_of_chunks(own, term.activations, point);
    sum = mul_add(signal, mul_add(term.alpha, product, term.beta), sum);
  }
  if (place.diagonal(i, j))
    sum = problem.diagonal[i];
  to[static_cast<long>(i) * problem.cols + j] = sum;
  if (problem.symmetric)
    to[static_cast<long>(j) * problem.cols + i] = sum;
}

}  // namespace fastntk::cuda
