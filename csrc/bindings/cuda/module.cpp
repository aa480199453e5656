// SPDX-License-Identifier: Apache-2.0
#include "bindings/cuda/module.h"

PYBIND11_MODULE(_cuda, module, pybind11::mod_gil_not_used()) {
  module.doc() = "CUDA engine of fastntk; use it through the package, which checks every argument.";
  fastntk::bindings::register_device(module);
  fastntk::bindings::register_sources(module);
  fastntk::bindings::register_empirical(module);  // tile sources, too
  fastntk::bindings::register_pointwise(module);
}
