// SPDX-License-Identifier: Apache-2.0
// Runs a kernel's blocks one after the other, at once: a launch returns when all have run, and
// throws std::runtime_error if one misused CUDA.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda/emulation/order.h"
#include "cuda/emulation/runtime.h"
#include "cuda/emulation/types.h"
#ifdef FASTNTK_EMULATION_THREADS
#include "cuda/emulation/thread_runner.h"
#else
#include "cuda/emulation/fiber_runner.h"
#endif

namespace fastntk::cuda::emulation {

#ifdef FASTNTK_EMULATION_THREADS
using Runner = ThreadRunner;
#else
using Runner = FiberRunner;
#endif

inline cudaError_t check_configuration(const dim3& grid, const dim3& block, std::size_t shared) {
  const auto within = [](const dim3& a, unsigned x, unsigned y, unsigned z) {
    return a.x >= 1 && a.x <= x && a.y >= 1 && a.y <= y && a.z >= 1 && a.z <= z;
  };
  if (!within(grid, 0x7fffffff, 65535, 65535) || !within(block, 1024, 1024, 64) ||
      std::size_t(block.x) * block.y * block.z > 1024)
    return cudaErrorInvalidConfiguration;
  return shared <= runtime_state.shared_memory_limit ? cudaSuccess : cudaErrorInvalidValue;
}

inline void run_grid(const dim3& grid, const dim3& shape, std::size_t shared, const Body& body) {
  std::uint64_t random = chosen_seed;
  const Order order = chosen_order;
  Block block(grid, shape, shared);
  Runner runner(block, body, order, random);
  const std::uint64_t blocks = std::uint64_t(grid.x) * grid.y * grid.z;  // below 2^63
  Sequence sequence(blocks, order, random);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t rank = sequence.next();
    block.begin({static_cast<unsigned>(rank % grid.x),
                 static_cast<unsigned>(rank / grid.x % grid.y),
                 static_cast<unsigned>(rank / grid.x / grid.y)});
    runner.run_block();
    if (block.failure())
      std::rethrow_exception(block.failure());
  }
}

template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), const dim3& grid, const dim3& block,
                   std::size_t shared, Arguments&&... arguments) {
  const cudaError_t code = check_configuration(grid, block, shared);
  if (code == cudaSuccess) {
    const std::tuple<std::decay_t<Parameters>...> copies(std::forward<Arguments>(arguments)...);
    // Every thread has parameters of its own.
    run_grid(grid, block, shared, [&] { std::apply(kernel, copies); });
  }
  return report(code);
}

inline void* dynamic_shared_bytes() { return current->block->shared(); }

}  // namespace fastntk::cuda::emulation
