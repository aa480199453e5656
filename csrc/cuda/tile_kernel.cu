// SPDX-License-Identifier: Apache-2.0
#include "cuda/tile_kernel.h"

#include "common/error.h"

namespace fastntk::cuda {

// Compiled in tile_kernels/, one product and family of networks a file.
template <class Family, Product kProduct, class P>
void launch_product(const ProblemView<P>& problem, const OutputView<P>& output,
                    const TileSink& sink, cudaStream_t stream);

template <class Family, class P>
void launch_family(const ProblemView<P>& problem, const OutputView<P>& output, const TileSink& sink,
                   cudaStream_t stream) {
  constexpr bool kDoubles = sizeof(P) == sizeof(double);
  switch (problem.product) {
  case Product::kInteger:
    return launch_product<Family, Product::kInteger>(problem, output, sink, stream);
  case Product::kDouble:
    return launch_product<Family, Product::kDouble>(problem, output, sink, stream);
  case Product::kWideInteger:
    if constexpr (kDoubles)
      return launch_product<Family, Product::kWideInteger>(problem, output, sink, stream);
    break;
  case Product::kFloat:
    if constexpr (!kDoubles)
      return launch_product<Family, Product::kFloat>(problem, output, sink, stream);
    break;
  case Product::kSlices:
    if constexpr (!kDoubles)
      return launch_product<Family, Product::kSlices>(problem, output, sink, stream);
    break;
  }
  require(false, "no kernel for this product and type of recursion");
}

template <class P>
void launch_tiles(const ProblemView<P>& problem, const OutputView<P>& output, const TileSink& sink,
                  cudaStream_t stream) {
  // A table stands for any layers.
  if (!problem.any_network || output.acute_table != nullptr)
    return launch_family<ReluOrErfNetwork>(problem, output, sink, stream);
  if constexpr (sizeof(P) == sizeof(double))
    launch_family<AnyNetwork>(problem, output, sink, stream);
  else
    require(false, "this network takes a recursion in double");
}

template void launch_tiles(const ProblemView<float>&, const OutputView<float>&, const TileSink&,
                           cudaStream_t);
template void launch_tiles(const ProblemView<double>&, const OutputView<double>&, const TileSink&,
                           cudaStream_t);

}  // namespace fastntk::cuda
