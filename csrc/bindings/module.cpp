// SPDX-License-Identifier: Apache-2.0
#include "bindings/module.h"

PYBIND11_MODULE(_cpu, module, pybind11::mod_gil_not_used()) {
  module.doc() = "CPU engine of fastntk; use it through the package, which checks every argument.";
  fastntk::bindings::register_dual(module);
  fastntk::bindings::register_machine(module);
  fastntk::bindings::register_memory(module);
  fastntk::bindings::register_pointwise(module);
  fastntk::bindings::register_product(module);
  fastntk::bindings::register_sources(module);
  fastntk::bindings::register_empirical(module);
  fastntk::bindings::register_tile_file(module);
}
