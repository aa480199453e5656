// SPDX-License-Identifier: Apache-2.0
// Arrays in device memory, of whichever library, as views of the core: what has the attribute
// __cuda_array_interface__. Nothing is converted, copied or waited for.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/samples.h"

namespace fastntk::bindings {

namespace py = pybind11;

// A C-contiguous array.
struct DeviceView {
  void* data;
  std::vector<long> shape;
  std::string type;  // as "<f4"
  bool writable;
};

inline DeviceView view_of(const py::handle& array, const char* name) {
  const std::string called(name);
  if (!py::hasattr(array, "__cuda_array_interface__"))
    throw py::type_error(called + " must be an array in device memory, got " +
                         py::str(py::type::of(array).attr("__name__")).cast<std::string>());
  const py::dict fields = array.attr("__cuda_array_interface__");
  const auto data = fields["data"].cast<std::pair<std::uintptr_t, bool>>();
  const auto shape = fields["shape"].cast<std::vector<long>>();
  const auto type = fields["typestr"].cast<std::string>();
  if (fields.contains("strides") && !fields["strides"].is_none()) {
    const auto strides = fields["strides"].cast<std::vector<long>>();
    long expected = std::stol(type.substr(2));
    for (std::size_t i = shape.size(); i-- > 0; expected *= shape[i]) {
      if (shape[i] > 1 && strides[i] != expected)
        throw py::type_error(called + " must be C-contiguous");
    }
  }
  return {reinterpret_cast<void*>(data.first), shape, type, !data.second};
}

inline void check_shape(const DeviceView& view, const char* name, const std::vector<long>& shape) {
  if (view.shape != shape)
    throw py::value_error(std::string(name) + " must have shape " +
                          py::str(py::tuple(py::cast(shape))).cast<std::string>());
}

template <class T>
const char* type_text() {
  return sizeof(T) == sizeof(float) ? "<f4" : "<f8";
}

template <class T>
T* data_of(const DeviceView& view, const char* name, bool writable) {
  if (view.type != type_text<T>() || (writable && !view.writable))
    throw py::type_error(std::string(name) + " must be a " + (writable ? "writable " : "") +
                         "device array of " + type_text<T>() + ", got " + view.type);
  return static_cast<T*>(view.data);
}

inline Samples samples_of(const py::handle& array, const char* name) {
  const DeviceView view = view_of(array, name);
  if (view.shape.size() != 2)
    throw py::value_error(std::string(name) + " must be 2-D");
  const long rows = view.shape[0], columns = view.shape[1];
  if (view.type == "|u1")
    return {view.data, SampleType::kUint8, rows, columns};
  if (view.type == type_text<float>())
    return {view.data, SampleType::kFloat32, rows, columns};
  return {data_of<double>(view, name, false), SampleType::kFloat64, rows, columns};
}

}  // namespace fastntk::bindings
