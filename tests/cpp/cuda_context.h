// SPDX-License-Identifier: Apache-2.0
// The emulated GPU as the CUDA engine's tests use it.
#pragma once

#include <cstdlib>
#include <cstring>

#include "cuda/context.h"

namespace test {

// Memory that reads as NaN, or as -1, until something is written.
inline fastntk::cuda::Context cuda_context() {
  return {0, nullptr, [](std::size_t bytes) {
            const std::size_t size = (bytes + 255) / 256 * 256;
            std::shared_ptr<void> memory(std::aligned_alloc(256, size), std::free);
            std::memset(memory.get(), 0xff, size);
            return memory;
          }};
}

}  // namespace test
