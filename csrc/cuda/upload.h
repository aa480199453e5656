// SPDX-License-Identifier: Apache-2.0
// Host arrays to device memory. The host's may go as soon as the call returns: it is pageable, and
// CUDA copies such memory away first.
#pragma once

#include <vector>

#include "cuda/context.h"

namespace fastntk::cuda {

template <class T>
DeviceArray<T> upload(const Context& context, const T* from, std::size_t count) {
  DeviceArray<T> to(context, count);
  if (count > 0)
    check(cudaMemcpyAsync(to.data(), from, to.bytes(), cudaMemcpyHostToDevice, context.stream),
          "cudaMemcpyAsync");
  return to;
}

template <class T>
DeviceArray<T> upload(const Context& context, const std::vector<T>& from) {
  return upload(context, from.data(), from.size());
}

}  // namespace fastntk::cuda
