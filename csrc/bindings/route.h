// SPDX-License-Identifier: Apache-2.0
// What an engine chose for some data, as plain values.
#pragma once

#include <pybind11/pybind11.h>

#include "common/limiting_plan.h"
#include "common/network.h"
#include "common/product_choice.h"

namespace fastntk::bindings {

namespace py = pybind11;

// Of a source whose entries are T.
template <class T, class Route>
py::dict route_dict(const Route& chosen) {
  py::list layers;
  for (const LayerPlan& layer : chosen.layers) {
    layers.append(py::dict(py::arg("activation") = activation_name(layer.activation.kind),
                           py::arg("angle_level") = layer.angle_level,
                           py::arg("equal") = layer.equal));
  }
  return py::dict(py::arg("product") = product_name(chosen.product),
                  py::arg("double_recursion") = chosen.double_recursion,
                  py::arg("widened") = chosen.double_recursion && sizeof(T) < sizeof(double),
                  py::arg("tabulated") = chosen.tabulated, py::arg("columns") = chosen.columns,
                  py::arg("data_columns") = chosen.data_columns, py::arg("layers") = layers);
}

}  // namespace fastntk::bindings
