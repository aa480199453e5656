// SPDX-License-Identifier: Apache-2.0
// A device, one of its streams, and whoever allocates there, as Python hands them over.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "cuda/check.h"
#include "cuda/context.h"

namespace fastntk::bindings {

namespace py = pybind11;

// allocate(bytes) returns an object with the address in its attribute `ptr`, and has the memory back
// when the last reference goes. Python objects are touched with the GIL only, on any thread.
inline cuda::Context make_context(int device, std::uintptr_t stream, const py::object& allocate) {
  const auto owned = [](py::object object) {
    return std::shared_ptr<py::object>(new py::object(std::move(object)), [](py::object* held) {
      const py::gil_scoped_acquire gil;
      delete held;
    });
  };
  const auto allocator = owned(allocate);
  const auto get = [allocator, owned](std::size_t bytes) {
    const py::gil_scoped_acquire gil;
    const auto memory = owned((*allocator)(bytes));
    const auto address = memory->attr("ptr").cast<std::uintptr_t>();
    return std::shared_ptr<void>(memory, reinterpret_cast<void*>(address));
  };
  return {device, reinterpret_cast<cudaStream_t>(stream), get};
}

// Makes a device the thread's current one for as long as it lives: this module's copy of the CUDA
// run-time keeps its own.
class OnDevice {
public:
  explicit OnDevice(const cuda::Context& context) {
    cuda::check(cudaGetDevice(&before_), "cudaGetDevice");
    cuda::check(cudaSetDevice(context.device), "cudaSetDevice");
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

private:
  int before_ = 0;
};

}  // namespace fastntk::bindings
