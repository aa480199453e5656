// SPDX-License-Identifier: Apache-2.0
// What this build and this machine offer.
#include <pybind11/stl.h>

#include "bindings/module.h"
#include "common/network.h"
#include "cpu/isa/engine.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::bindings {

void register_machine(py::module_& module) {
  module.def("isa_names", &cpu::isa_names);
  module.def("isa_supported", &cpu::supported_isas);
  module.def("selected_isa", &cpu::selected_isa);
  module.def("default_threads", &cpu::default_threads);
  module.def("tile_edge", [] { return cpu::kTile; });
  module.def("activations", [] {
    std::vector<std::string> names;
    for (int i = 0; i < kActivationCount; ++i)
      names.emplace_back(activation_name(static_cast<ActivationKind>(i)));
    return names;
  });
}

}  // namespace fastntk::bindings
