// SPDX-License-Identifier: Apache-2.0
// Tiles of the derivative of a problem's kernel by one parameter.
#pragma once

#include "cuda/device.h"
#include "cuda/problem.h"
#include "cuda/row_gradients.h"
#include "cuda/tile_sink.h"

namespace fastntk::cuda {

struct GradientView {
  RowGradientView rows;
  RowGradientView cols;  // == rows for a symmetric matrix
  bool nngp;             // of which kernel: the NNGP, or the NTK
};

// Queues the work; allocates nothing and waits for nothing. The problem has hidden layers, the sink is
// a dense matrix.
void launch_gradient_tiles(const ProblemView<double>& problem, const OutputView<double>& output,
                           const GradientView& gradient, const DenseSink& to, cudaStream_t stream);

}  // namespace fastntk::cuda
