// SPDX-License-Identifier: Apache-2.0
// Tiles of one matrix of a problem, to a sink.
#pragma once

#include "cuda/device.h"
#include "cuda/problem.h"
#include "cuda/tile_sink.h"

namespace fastntk::cuda {

// Queues the work; allocates nothing and waits for nothing. A sum of products with vectors must
// have been set to zero.
template <class P>
void launch_tiles(const ProblemView<P>& problem, const OutputView<P>& output, const TileSink& sink,
                  cudaStream_t stream);

}  // namespace fastntk::cuda
