// SPDX-License-Identifier: Apache-2.0
// Where work goes: a device, a stream of it, and memory from whoever owns the memory there. Nothing
// in csrc/cuda allocates by itself.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "cuda/device.h"

namespace fastntk::cuda {

// Device memory of so many bytes, aligned to 256, ready for work on the context's stream; its owner
// takes it back when the last copy of the pointer goes. Throws what the owner throws.
using Allocate = std::function<std::shared_ptr<void>(std::size_t bytes)>;

struct Context {
  int device;
  cudaStream_t stream;
  Allocate allocate;
};

// Device memory as an array.
template <class T>
class DeviceArray {
public:
  DeviceArray() = default;
  DeviceArray(const Context& context, std::size_t count)
      : memory_(count > 0 ? context.allocate(count * sizeof(T)) : nullptr), count_(count) {}

  T* data() const { return static_cast<T*>(memory_.get()); }
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return count_ * sizeof(T); }

private:
  std::shared_ptr<void> memory_;
  std::size_t count_ = 0;
};

}  // namespace fastntk::cuda
