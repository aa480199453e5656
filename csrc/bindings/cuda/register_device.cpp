// SPDX-License-Identifier: Apache-2.0
// What this build runs on, and where a call shall run.
#include <pybind11/stl.h>

#include "bindings/cuda/module.h"
#include "bindings/cuda/place.h"
#include "common/activations.h"

namespace fastntk::bindings {
namespace {

// No driver, or no device: none.
int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return count;
}

}  // namespace

void register_device(py::module_& module) {
#ifdef FASTNTK_EMULATED
  module.attr("emulated") = true;
#else
  module.attr("emulated") = false;
#endif
  module.attr("architectures") = py::str(FASTNTK_CUDA_ARCHITECTURES).attr("split")();
  module.def("device_count", &device_count);
  // Those whose limiting kernels the engine computes.
  module.def("limiting_activations", [] {
    std::vector<std::string> names;
#define FASTNTK_NAME(Type) names.emplace_back(Type::kName);
    FASTNTK_ACTIVATIONS(FASTNTK_NAME)
#undef FASTNTK_NAME
    return names;
  });
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const cuda::CudaError&
                 error) {  // the package's own class, which exists without this module
      const py::object type = py::module_::import("fastntk._backend").attr("CudaError");
      PyErr_SetString(type.ptr(), error.what());
    }
  });
  py::class_<cuda::Context>(module, "Context")
      .def(py::init(&make_context), py::arg("device"), py::arg("stream"), py::arg("allocate"));
}

}  // namespace fastntk::bindings
