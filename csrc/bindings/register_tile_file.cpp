// SPDX-License-Identifier: Apache-2.0
// The file of tiles: an open descriptor and a geometry in, a tile source out. Names, headers and
// locks are the package's.
#include <memory>
#include <string>

#include "bindings/arrays.h"
#include "bindings/module.h"
#include "cpu/file_bytes.h"
#include "cpu/tile_file.h"

namespace fastntk::bindings {
namespace {

using cpu::TileFile;
using cpu::TileSource;

template <class T>
void register_for(py::module_& module, const std::string& bits) {
  py::class_<TileFile<T>, TileSource<T>>(module, ("TileFile" + bits).c_str())
      .def(py::init<int, std::string, long, std::int64_t>(), py::arg("descriptor"), py::arg("name"),
           py::arg("rows"), py::arg("header_bytes"))
      .def_property_readonly("tiles", &TileFile<T>::tiles)
      .def_property_readonly("finished", &TileFile<T>::finished)
      .def(
          "fill",
          [](TileFile<T>& file, const TileSource<T>& source, int threads,
             const py::object& progress) {
            const cpu::Poll poll = poll_with(progress);
            const py::gil_scoped_release release;
            file.fill(source, threads, poll);
          },
          py::arg("source"), py::arg("threads") = 0, py::arg("progress") = py::none());
}

}  // namespace

void register_tile_file(py::module_& module) {
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const cpu::FileError& error) {  // OSError picks its subclass by the code
      const py::tuple arguments = py::make_tuple(error.code, error.what());
      PyErr_SetObject(PyExc_OSError, arguments.ptr());
    }
  });
  register_for<float>(module, "32");
  register_for<double>(module, "64");
  module.def("tile_file_bytes", &cpu::tile_file_bytes, py::arg("rows"), py::arg("entry_bytes"),
             py::arg("header_bytes"));
}

}  // namespace fastntk::bindings
