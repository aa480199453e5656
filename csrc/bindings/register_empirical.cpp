// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of a finite network.
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/empirical_maps.h"
#include "bindings/module.h"
#include "common/product_choice.h"
#include "cpu/empirical_kernel.h"

namespace fastntk::bindings {
namespace {

using cpu::EmpiricalKernel;
using cpu::RowView;

// Activations and signals of a linear map.
using Terms = std::vector<std::pair<std::optional<py::array>, std::optional<py::array>>>;

template <class T>
RowView<T> view_of(const std::optional<py::array>& array, const char* name) {
  if (!array)
    return {nullptr, 0, 0};
  if (array->ndim() != 2 || array->size() == 0)
    throw py::value_error(std::string(name) + " must be 2-D and not empty");
  return {data_of<T>(*array, name, false), array->shape(0), array->shape(1)};
}

template <class T>
std::unique_ptr<EmpiricalKernel<T>>
make_kernel(const Terms& rows, const std::optional<Terms>& cols,
            const std::vector<std::pair<double, double>>& factors, long outputs, int threads) {
  check_terms(rows, cols ? &*cols : nullptr, outputs);
  const auto left = side_of(rows, outputs, view_of<T>);
  const auto right = side_of(cols.value_or(Terms{}), outputs, view_of<T>);
  const std::string isa = cpu::selected_isa();
  const py::gil_scoped_release release;
  return std::make_unique<EmpiricalKernel<T>>(left.points, left.maps, right.points, right.maps,
                                              map_factors(factors), outputs, isa, threads);
}

template <class T>
py::dict route(const EmpiricalKernel<T>& kernel) {
  const auto name = [](const std::optional<Product>& product) -> py::object {
    if (!product)
      return py::none();
    return py::str(product == Product::kFloat ? "float" : product_name(*product));
  };
  py::list maps;
  for (const auto& map : kernel.route()) {
    maps.append(py::dict(py::arg("activations") = name(map.activations),
                         py::arg("signals") = name(map.signals)));
  }
  return py::dict(py::arg("isa") = kernel.isa(), py::arg("maps") = maps);
}

template <class T>
void register_for(py::module_& module, const std::string& bits) {
  py::class_<EmpiricalKernel<T>, cpu::TileSource<T>>(module, ("EmpiricalKernel" + bits).c_str())
      .def(py::init(&make_kernel<T>), py::arg("rows"), py::arg("cols"), py::arg("factors"),
           py::arg("outputs"), py::arg("threads") = 0)
      .def_property_readonly("largest_diagonal", &EmpiricalKernel<T>::largest_diagonal)
      .def_property_readonly("route", &route<T>);
}

}  // namespace

void register_empirical(py::module_& module) {
  register_for<float>(module, "32");
  register_for<double>(module, "64");
}

}  // namespace fastntk::bindings
