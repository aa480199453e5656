// SPDX-License-Identifier: Apache-2.0
#include "cuda/tile_launch.cuh"

namespace fastntk::cuda {

FASTNTK_TILE_KERNEL(ReluOrErfNetwork, Product::kDouble, float)

}  // namespace fastntk::cuda
