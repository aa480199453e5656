// SPDX-License-Identifier: Apache-2.0
// NumPy arrays as views of the core. Nothing is converted here: the Python layer hands over what
// the core expects, and these checks only guard direct use of the module.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <functional>
#include <string>

#include "common/samples.h"
#include "cpu/thread_team.h"

namespace fastntk::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

inline void check_shape(const py::array& array, const char* name, long rows, long cols) {
  if (array.ndim() != 2 || array.shape(0) != rows || array.shape(1) != cols) {
    throw py::value_error(std::string(name) + " must have shape (" + std::to_string(rows) + ", " +
                          std::to_string(cols) + ")");
  }
}

// An aligned C-contiguous array of exactly T, not a converted copy.
template <class T>
T* data_of(const py::array& array, const char* name, bool writable) {
  constexpr int kWanted = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if (!py::isinstance<py::array_t<T>>(array) || (array.flags() & kWanted) != kWanted) {
    throw py::type_error(std::string(name) + " must be an aligned C-contiguous array of " +
                         py::str(py::dtype::of<T>()).cast<std::string>());
  }
  if (writable)
    return static_cast<T*>(const_cast<py::array&>(array).mutable_data());
  return static_cast<T*>(const_cast<void*>(array.data()));
}

inline Samples samples_of(const py::array& array, const char* name) {
  if (array.ndim() != 2)
    throw py::value_error(std::string(name) + " must be 2-D");
  const long rows = array.shape(0), columns = array.shape(1);
  if (py::isinstance<py::array_t<std::uint8_t>>(array)) {
    return {data_of<std::uint8_t>(array, name, false), SampleType::kUint8, rows, columns};
  }
  if (py::isinstance<py::array_t<float>>(array)) {
    return {data_of<float>(array, name, false), SampleType::kFloat32, rows, columns};
  }
  return {data_of<double>(array, name, false), SampleType::kFloat64, rows, columns};
}

// Lets Ctrl-C through, and reports progress(done, total) if there is a callable.
inline cpu::Poll poll_with(const py::object& progress) {
  return [progress](long done, long total) {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0)
      throw py::error_already_set();
    if (!progress.is_none())
      progress(done, total);
  };
}

}  // namespace fastntk::bindings
