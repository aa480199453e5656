// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_table.cuh"

namespace fastntk::cuda {

FASTNTK_FILL_TABLE(ReluOrErfNetwork, float)
FASTNTK_FILL_TABLE(ReluOrErfNetwork, double)

}  // namespace fastntk::cuda
