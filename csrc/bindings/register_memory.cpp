// SPDX-License-Identifier: Apache-2.0
// Arrays for results: rows that start where cache lines do, on huge pages where they are large.
#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/module.h"
#include "cpu/aligned_buffer.h"

namespace fastntk::bindings {
namespace {

// Its values are what the memory held before. The array owns the memory.
template <class T>
py::array result_array(const std::vector<long>& shape) {
  std::size_t count = 1;
  for (const long length : shape)
    count *= static_cast<std::size_t>(length);
  auto buffer = std::make_unique<cpu::AlignedBuffer<T>>(count, cpu::kUninitialised);
  T* data = buffer->data();
  const py::capsule owner(
      buffer.release(), [](void* pointer) { delete static_cast<cpu::AlignedBuffer<T>*>(pointer); });
  return py::array(py::dtype::of<T>(), shape, data, owner);
}

py::array empty(const std::vector<long>& shape, const py::dtype& dtype) {
  if (dtype.equal(py::dtype::of<float>()))
    return result_array<float>(shape);
  if (dtype.equal(py::dtype::of<double>()))
    return result_array<double>(shape);
  throw py::type_error("dtype must be float32 or float64");
}

}  // namespace

void register_memory(py::module_& module) {
  module.def("empty", &empty, py::arg("shape"), py::arg("dtype"));
}

}  // namespace fastntk::bindings
