// SPDX-License-Identifier: Apache-2.0
#include "cuda/tile_launch.cuh"

namespace fastntk::cuda {

FASTNTK_TILE_KERNEL(AnyNetwork, Product::kInteger, double)

}  // namespace fastntk::cuda
