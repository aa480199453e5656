// SPDX-License-Identifier: Apache-2.0
// From a problem to the kernel of its product. Each kernel is compiled in a file of its own.
#pragma once

#include <limits>

#include "common/error.h"
#include "cuda/tile_kernel.cuh"
#include "cuda/tile_kernel.h"

namespace fastntk::cuda {

template <class Family, Product kProduct, class P>
void launch_product(const ProblemView<P>& problem, const OutputView<P>& output,
                    const TileSink& sink, cudaStream_t stream) {
  using Tile = TileShape<kProduct, P>;
  const TileOrder<Tile> order(problem.batch_rows, problem.batch_cols, problem.symmetric);
  const Shape shape{
      dim3(static_cast<unsigned>(order.blocks()), static_cast<unsigned>(problem.batch)),
      dim3(kThreads), shared_bytes<P, Tile>(Tile::kSharedBytes, sink), stream};
  launch(tile_kernel<kProduct, P, Family>, shape, problem, output, order, sink);
}

#define FASTNTK_TILE_KERNEL(Family, product, P)                                                    \
  template void launch_product<Family, product, P>(const ProblemView<P>&, const OutputView<P>&,    \
                                                   const TileSink&, cudaStream_t);

}  // namespace fastntk::cuda
