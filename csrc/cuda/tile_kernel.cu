// SPDX-License-Identifier: Apache-2.0
#include "cuda/tile_kernel.h"

#include "common/error.h"

namespace fastntk::cuda {

// Compiled in tile_kernels/, one product a file.
template <Product kProduct, class P>
void launch_product(const ProblemView<P>& problem, const OutputView<P>& output,
                    const TileSink& sink, cudaStream_t stream);

template <class P>
void launch_tiles(const ProblemView<P>& problem, const OutputView<P>& output, const TileSink& sink,
                  cudaStream_t stream) {
  constexpr bool kDoubles = sizeof(P) == sizeof(double);
  switch (problem.product) {
  case Product::kInteger:
    return launch_product<Product::kInteger>(problem, output, sink, stream);
  case Product::kDouble:
    return launch_product<Product::kDouble>(problem, output, sink, stream);
  case Product::kWideInteger:
    if constexpr (kDoubles)
      return launch_product<Product::kWideInteger>(problem, output, sink, stream);
    break;
  case Product::kFloat:
    if constexpr (!kDoubles)
      return launch_product<Product::kFloat>(problem, output, sink, stream);
    break;
  case Product::kSlices:
    if constexpr (!kDoubles)
      return launch_product<Product::kSlices>(problem, output, sink, stream);
    break;
  }
  require(false, "no kernel for this product and type of recursion");
}

template void launch_tiles(const ProblemView<float>&, const OutputView<float>&, const TileSink&,
                           cudaStream_t);
template void launch_tiles(const ProblemView<double>&, const OutputView<double>&, const TileSink&,
                           cudaStream_t);

}  // namespace fastntk::cuda
