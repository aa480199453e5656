// SPDX-License-Identifier: Apache-2.0
#include "cuda/gradient_kernel.cuh"

#include "common/error.h"

namespace fastntk::cuda {
namespace {

template <class Family, Product kProduct>
void launch_product(const ProblemView<double>& problem, const OutputView<double>& output,
                    const GradientView& gradient, const TileSink& sink, cudaStream_t stream) {
  using Tile = TileShape<kProduct, double>;
  const TileOrder<Tile> order(problem.batch_rows, problem.batch_cols, problem.symmetric);
  const Shape shape{dim3(static_cast<unsigned>(order.blocks())), dim3(kThreads),
                    shared_bytes<double, Tile>(Tile::kSharedBytes, sink), stream};
  launch(gradient_kernel<kProduct, Family>, shape, problem, output, gradient, order, sink);
}

template <class Family>
void launch_family(const ProblemView<double>& problem, const OutputView<double>& output,
                   const GradientView& gradient, const TileSink& sink, cudaStream_t stream) {
  switch (problem.product) {
  case Product::kInteger:
    return launch_product<Family, Product::kInteger>(problem, output, gradient, sink, stream);
  case Product::kWideInteger:
    return launch_product<Family, Product::kWideInteger>(problem, output, gradient, sink, stream);
  case Product::kDouble:
    return launch_product<Family, Product::kDouble>(problem, output, gradient, sink, stream);
  default:
    require(false, "derivatives take a recursion in double");
  }
}

}  // namespace

void launch_gradient_tiles(const ProblemView<double>& problem, const OutputView<double>& output,
                           const GradientView& gradient, const DenseSink& to, cudaStream_t stream) {
  TileSink sink;
  sink.dense = to;
  if (problem.any_network)
    launch_family<AnyNetwork>(problem, output, gradient, sink, stream);
  else
    launch_family<ReluOrErfNetwork>(problem, output, gradient, sink, stream);
}

}  // namespace fastntk::cuda
