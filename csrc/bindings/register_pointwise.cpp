// SPDX-License-Identifier: Apache-2.0
// The elementwise steps of a finite network's passes.
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "bindings/arrays.h"
#include "bindings/module.h"
#include "bindings/network.h"
#include "cpu/pointwise.h"

namespace fastntk::bindings {
namespace {

template <class T>
void activate_as(const NamedActivation& activation, const py::array& z, double factor,
                 const std::optional<py::array>& shift, const std::optional<py::array>& out,
                 int threads) {
  const long rows = z.shape(0), cols = z.shape(1);
  if (shift && (shift->ndim() != 1 || shift->shape(0) != cols))
    throw py::value_error("shift must have shape (" + std::to_string(cols) + ",)");
  if (out)
    check_shape(*out, "out", rows, cols);
  T* numbers = data_of<T>(z, "z", true);
  const T* added = shift ? data_of<T>(*shift, "shift", false) : nullptr;
  T* values = out ? data_of<T>(*out, "out", true) : nullptr;
  const Activation f = make_activation(activation.first, activation.second);
  const py::gil_scoped_release release;
  cpu::activate(f, static_cast<T>(factor), added, rows, cols, numbers, values, threads);
}

template <class T>
void apply_slope_as(const NamedActivation& activation, const py::array& z, const py::array& signals,
                    double factor, int threads) {
  const long rows = z.shape(0), cols = z.shape(1);
  const long outputs = rows > 0 && signals.ndim() == 2 ? signals.shape(0) / rows : 0;
  check_shape(signals, "signals", rows * outputs, cols);
  const T* numbers = data_of<T>(z, "z", false);
  T* products = data_of<T>(signals, "signals", true);
  const Activation f = make_activation(activation.first, activation.second);
  const py::gil_scoped_release release;
  cpu::apply_slope(f, static_cast<T>(factor), numbers, rows, cols, outputs, products, threads);
}

bool is_float(const py::array& z) {
  if (z.ndim() != 2)
    throw py::value_error("z must be 2-D");
  return py::isinstance<py::array_t<float>>(z);
}

void activate(const NamedActivation& activation, const py::array& z, double factor,
              const std::optional<py::array>& shift, const std::optional<py::array>& out,
              int threads) {
  (is_float(z) ? activate_as<float> : activate_as<double>)(activation, z, factor, shift, out,
                                                           threads);
}

void apply_slope(const NamedActivation& activation, const py::array& z, const py::array& signals,
                 double factor, int threads) {
  (is_float(z) ? apply_slope_as<float> : apply_slope_as<double>)(activation, z, signals, factor,
                                                                 threads);
}

}  // namespace

void register_pointwise(py::module_& module) {
  module.def("activate", &activate, py::arg("activation"), py::arg("z").noconvert(),
             py::arg("factor"), py::arg("shift").noconvert().none(true),
             py::arg("out").noconvert().none(true), py::arg("threads") = 0);
  module.def("apply_slope", &apply_slope, py::arg("activation"), py::arg("z").noconvert(),
             py::arg("signals").noconvert(), py::arg("factor"), py::arg("threads") = 0);
}

}  // namespace fastntk::bindings
