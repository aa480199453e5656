// SPDX-License-Identifier: Apache-2.0
// The elementwise steps of a finite network's passes.
#include <string>

#include "bindings/cuda/arrays.h"
#include "bindings/cuda/module.h"
#include "bindings/cuda/place.h"
#include "bindings/network.h"
#include "cuda/pointwise.h"

namespace fastntk::bindings {
namespace {

using cuda::Context;

DeviceView matrix_of(const py::object& array, const char* name) {
  const DeviceView view = view_of(array, name);
  if (view.shape.size() != 2)
    throw py::value_error(std::string(name) + " must be 2-D");
  return view;
}

template <class T>
void activate_as(const Activation& f, const DeviceView& z, double factor, const py::object& shift,
                 const py::object& out, const Context& context) {
  const long rows = z.shape[0], cols = z.shape[1];
  T* numbers = data_of<T>(z, "z", true);
  const T* added = nullptr;
  T* values = nullptr;
  if (!shift.is_none()) {
    const DeviceView view = view_of(shift, "shift");
    check_shape(view, "shift", {cols});
    added = data_of<T>(view, "shift", false);
  }
  if (!out.is_none()) {
    const DeviceView view = view_of(out, "out");
    check_shape(view, "out", {rows, cols});
    values = data_of<T>(view, "out", true);
  }
  const py::gil_scoped_release release;
  const OnDevice device(context);
  cuda::activate(f, static_cast<T>(factor), added, rows, cols, numbers, values, context);
}

template <class T>
void apply_slope_as(const Activation& f, const DeviceView& z, const DeviceView& signals,
                    double factor, const Context& context) {
  const long rows = z.shape[0], cols = z.shape[1];
  const long outputs = rows > 0 ? signals.shape[0] / rows : 0;
  check_shape(signals, "signals", {rows * outputs, cols});
  const T* numbers = data_of<T>(z, "z", false);
  T* products = data_of<T>(signals, "signals", true);
  const py::gil_scoped_release release;
  const OnDevice device(context);
  cuda::apply_slope(f, static_cast<T>(factor), numbers, rows, cols, outputs, products, context);
}

void activate(const NamedActivation& activation, const py::object& z, double factor,
              const py::object& shift, const py::object& out, const Context& context) {
  const DeviceView view = matrix_of(z, "z");
  const Activation f = make_activation(activation.first, activation.second);
  if (view.type == type_text<float>())
    activate_as<float>(f, view, factor, shift, out, context);
  else
    activate_as<double>(f, view, factor, shift, out, context);
}

void apply_slope(const NamedActivation& activation, const py::object& z, const py::object& signals,
                 double factor, const Context& context) {
  const DeviceView view = matrix_of(z, "z"), products = matrix_of(signals, "signals");
  const Activation f = make_activation(activation.first, activation.second);
  if (view.type == type_text<float>())
    apply_slope_as<float>(f, view, products, factor, context);
  else
    apply_slope_as<double>(f, view, products, factor, context);
}

}  // namespace

void register_pointwise(py::module_& module) {
  module.def("activate", &activate, py::arg("activation"), py::arg("z"), py::arg("factor"),
             py::arg("shift"), py::arg("out"), py::arg("context"));
  module.def("apply_slope", &apply_slope, py::arg("activation"), py::arg("z"), py::arg("signals"),
             py::arg("factor"), py::arg("context"));
}

}  // namespace fastntk::bindings
