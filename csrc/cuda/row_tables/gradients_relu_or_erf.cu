// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_gradients.cuh"

namespace fastntk::cuda {

FASTNTK_FILL_GRADIENTS(ReluOrErfNetwork)

}  // namespace fastntk::cuda
