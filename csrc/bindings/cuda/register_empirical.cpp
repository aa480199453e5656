// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of a finite network.
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/cuda/arrays.h"
#include "bindings/cuda/module.h"
#include "bindings/cuda/place.h"
#include "bindings/empirical_maps.h"
#include "cuda/empirical_kernel.h"

namespace fastntk::bindings {
namespace {

using cuda::Context;
using cuda::EmpiricalKernel;
using cuda::RowView;

// Activations and signals of a linear map, or None.
using Terms = std::vector<std::pair<py::object, py::object>>;

template <class T>
RowView<T> rows_of(const py::object& array, const char* name) {
  if (array.is_none())
    return {nullptr, 0, 0};
  const DeviceView view = view_of(array, name);
  if (view.shape.size() != 2 || view.shape[0] == 0 || view.shape[1] == 0)
    throw py::value_error(std::string(name) + " must be 2-D and not empty");
  return {data_of<T>(view, name, false), view.shape[0], view.shape[1]};
}

template <class T>
std::unique_ptr<EmpiricalKernel<T>>
make_kernel(const Terms& rows, const std::optional<Terms>& cols,
            const std::vector<std::pair<double, double>>& factors, long outputs,
            const Context& context) {
  check_terms(rows, cols ? &*cols : nullptr, outputs);
  const auto left = side_of(rows, outputs, rows_of<T>);
  const auto right = side_of(cols.value_or(Terms{}), outputs, rows_of<T>);
  const py::gil_scoped_release release;
  const OnDevice device(context);
  return std::make_unique<EmpiricalKernel<T>>(left.points, left.maps, right.points, right.maps,
                                              map_factors(factors), outputs, context);
}

template <class T>
py::dict route(const EmpiricalKernel<T>& kernel) {
  return py::dict(py::arg("product") = sizeof(T) == sizeof(float) ? "tf32 x 3" : "double",
                  py::arg("parts") = kernel.parts());
}

template <class T>
void register_for(py::module_& module, const std::string& bits) {
  py::class_<EmpiricalKernel<T>, cuda::TileSource<T>>(module, ("EmpiricalKernel" + bits).c_str())
      .def(py::init(&make_kernel<T>), py::arg("rows"), py::arg("cols"), py::arg("factors"),
           py::arg("outputs"), py::arg("context"), py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def_property_readonly("largest_diagonal", &EmpiricalKernel<T>::largest_diagonal)
      .def_property_readonly("route", &route<T>);
}

}  // namespace

void register_empirical(py::module_& module) {
  register_for<float>(module, "32");
  register_for<double>(module, "64");
}

}  // namespace fastntk::bindings
