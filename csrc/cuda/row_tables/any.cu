// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_table.cuh"

namespace fastntk::cuda {

FASTNTK_FILL_TABLE(AnyNetwork, double)

}  // namespace fastntk::cuda
