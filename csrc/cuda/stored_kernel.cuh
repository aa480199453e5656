// SPDX-License-Identifier: Apache-2.0
// Tiles of a stored matrix, to a sink: read instead of computed, else as in tile_kernel.cuh.
#pragma once

#include "cuda/stored_sources.h"
#include "cuda/tile_ends.cuh"

namespace fastntk::cuda {

template <class T>
using StoredShape = TileShape<Product::kDouble, T>;

template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    stored_kernel(const __grid_constant__ StoredView<T> matrix,
                  const __grid_constant__ TileOrder<StoredShape<T>> order,
                  const __grid_constant__ TileSink sink) {
  // block -> tile (i, j), of a symmetric matrix one of the upper triangle
  using Tile = StoredShape<T>;
  TileIndex at;
  if (!order.tile(blockIdx.x, at))
    return;
  const TilePlace<Tile> place(at, 0, static_cast<int>(matrix.rows), static_cast<int>(matrix.cols),
                              matrix.symmetric);
  char* shared = dynamic_shared<char>();
  const Cells<T, Tile::kCols> cells{reinterpret_cast<T*>(shared)};
  for (int cell = threadIdx.x; cell < Tile::kCells; cell += kThreads) {
    const int row = cell / Tile::kCols, col = cell % Tile::kCols;
    const int i = place.row + row, j = place.col + col;
    const T value = place.owns(i, j) ? matrix.at(i, j) : T(0);
    if (sink.writes() && place.owns(i, j))
      store(sink.dense, sink.dense.index(i, j), value);
    cells.at(row, col) = value;
  }
  pass_on(place, cells, sink, shared + Tile::kCellBytes);
}

}  // namespace fastntk::cuda
