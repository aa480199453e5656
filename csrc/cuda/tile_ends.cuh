// SPDX-License-Identifier: Apache-2.0
// What becomes of a tile whose cells hold its entries.
#pragma once

#include "cuda/tile_times.cuh"

namespace fastntk::cuda {

template <class P>
__device__ void store(const DenseSink& sink, long at, P value) {
  if (sizeof(P) == sizeof(double) && sink.to_float)
    static_cast<float*>(sink.to)[at] = static_cast<float>(value);
  else
    static_cast<P*>(sink.to)[at] = value;
}

// The transpose of what lies above the diagonal; all threads of the block.
template <class Shape, class P>
__device__ void store_transpose(const TilePlace<Shape>& place, const Cells<P, Shape::kCols>& cells,
                                const DenseSink& sink) {
  __syncthreads();
  const int lane = threadIdx.x % kWarp;
  for (int col = threadIdx.x / kWarp; col < Shape::kCols; col += kWarps) {
    const int j = place.col + col;
    const long first = j * sink.stride + place.row - place.first_col;
    for (int row = lane; row < Shape::kRows; row += kWarp) {
      if (place.holds(place.row + row, j) && place.row + row < j)
        store(sink, first + row, cells.at(row, col));
    }
  }
}

// What is left to do once the cells are written, and the entries on and above the diagonal stored.
template <class Shape, class P>
__device__ void pass_on(const TilePlace<Shape>& place, const Cells<P, Shape::kCols>& cells,
                        const TileSink& sink, char* panel) {
  if (sink.writes()) {
    if (place.symmetric && !sink.dense.is_packed)
      store_transpose(place, cells, sink.dense);
  } else if (sizeof(P) == sizeof(float) && !sink.vectors.doubles) {
    tile_times<float>(place, cells, sink.vectors, panel);
  } else {
    tile_times<double>(place, cells, sink.vectors, panel);
  }
}

template <class P, class Shape>
constexpr int kPanelBytes = VectorPanel<float>::shared_bytes<Shape>() >
                                    VectorPanel<double>::shared_bytes<Shape>()
                                ? VectorPanel<float>::shared_bytes<Shape>()
                                : VectorPanel<double>::shared_bytes<Shape>();

// Dynamic shared memory of a kernel that needs `own` bytes until the cells are written.
template <class P, class Shape>
std::size_t shared_bytes(int own, const TileSink& sink) {
  const int with_panel = Shape::kCellBytes + (sink.writes() ? 0 : kPanelBytes<P, Shape>);
  return static_cast<std::size_t>(own > with_panel ? own : with_panel);
}

}  // namespace fastntk::cuda
