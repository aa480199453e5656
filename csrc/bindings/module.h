// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace fastntk::bindings {

namespace py = pybind11;

void register_dual(py::module_& module);
void register_empirical(py::module_& module);
void register_machine(py::module_& module);
void register_memory(py::module_& module);
void register_pointwise(py::module_& module);
void register_product(py::module_& module);
void register_sources(py::module_& module);
void register_tile_file(py::module_& module);

}  // namespace fastntk::bindings
