// SPDX-License-Identifier: Apache-2.0
// Tile sources: the limiting kernel, the packed triangle, a view of a dense matrix.
#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.h"
#include "bindings/module.h"
#include "bindings/network.h"
#include "bindings/route.h"
#include "cpu/gram_drivers.h"
#include "cpu/limiting_gradients.h"
#include "cpu/limiting_kernel.h"
#include "cpu/multiply.h"
#include "cpu/stored_sources.h"

namespace fastntk::bindings {
namespace {

using cpu::DenseMatrix;
using cpu::LimitingGradients;
using cpu::LimitingKernel;
using cpu::PackedTriangle;
using cpu::TileSource;

template <class T>
void to_dense(const TileSource<T>& source, const std::vector<py::array>& outs, int threads,
              const py::object& progress) {
  std::vector<T*> to;
  for (const py::array& out : outs) {
    check_shape(out, "out", source.rows(), source.cols());
    to.push_back(data_of<T>(out, "out", true));
  }
  const cpu::Engine<T>& engine = cpu::engine<T>(cpu::selected_isa());
  const cpu::Poll poll = poll_with(progress);
  const py::gil_scoped_release release;
  cpu::write_dense(source, to, engine, threads, poll);
}

template <class T, class V>
void matmat_as(const TileSource<T>& source, const py::array& vectors, const py::array& out,
               int threads, const py::object& progress) {
  const long k = vectors.ndim() == 2 ? vectors.shape(1) : 0;
  check_shape(vectors, "V", source.cols(), k);
  check_shape(out, "out", source.rows(), k);
  const V* v = data_of<V>(vectors, "V", false);
  double* y = data_of<double>(out, "out", true);
  const cpu::Engine<V>& multiplier = cpu::engine<V>(cpu::selected_isa());
  const cpu::Poll poll = poll_with(progress);
  const py::gil_scoped_release release;
  if (k > 0)
    cpu::multiply(source, v, y, k, multiplier, threads, poll);
}

template <class T>
void matmat(const TileSource<T>& source, const py::array& vectors, const py::array& out,
            int threads, const py::object& progress) {
  if (sizeof(T) == sizeof(float) && py::isinstance<py::array_t<float>>(vectors)) {
    if constexpr (std::is_same_v<T, float>)
      matmat_as<float, float>(source, vectors, out, threads, progress);
  } else {
    matmat_as<T, double>(source, vectors, out, threads, progress);
  }
}

template <class T>
py::array diagonal(const TileSource<T>& source) {
  Array<T> values(source.rows());
  source.diagonal(values.mutable_data());
  return values;
}

template <class T>
std::unique_ptr<LimitingKernel<T>>
make_kernel(const py::array& rows, const std::optional<py::array>& cols, double scale,
            const std::vector<NamedActivation>& activations, const std::vector<MapNumbers>& maps,
            const ShareLists& outputs, int threads) {
  const Samples x = samples_of(rows, "X");
  const bool square = !cols.has_value();
  const Samples y = square ? x : samples_of(*cols, "Y");
  const Network network = make_network(activations, maps);
  const std::vector<TrainedShares> shares = make_shares(outputs, network);
  const std::string isa = cpu::selected_isa();
  const py::gil_scoped_release release;
  return std::make_unique<LimitingKernel<T>>(x, square ? nullptr : &y, scale, network, shares, isa,
                                             threads);
}

template <class T>
std::unique_ptr<LimitingGradients<T>>
make_gradients(const py::array& rows, const std::optional<py::array>& cols, double scale,
               const std::vector<NamedActivation>& activations, const std::vector<MapNumbers>& maps,
               bool nngp, const Factors& factors, int threads) {
  const Samples x = samples_of(rows, "X");
  const bool square = !cols.has_value();
  const Samples y = square ? x : samples_of(*cols, "Y");
  Network network = make_network(activations, maps);
  set_factors(network, factors);
  const std::string isa = cpu::selected_isa();
  const py::gil_scoped_release release;
  return std::make_unique<LimitingGradients<T>>(x, square ? nullptr : &y, scale, network, nngp, isa,
                                                threads);
}

template <class T>
py::dict route(const LimitingKernel<T>& kernel) {
  const cpu::Route chosen = kernel.route();
  py::dict found = route_dict<T>(chosen);
  found["isa"] = chosen.isa;
  return found;
}

// A view lives no longer than the array that it views.
template <class T>
py::object view_of(const py::array& matrix) {
  auto view = std::make_unique<DenseMatrix<T>>(data_of<T>(matrix, "K", false), matrix.shape(0));
  py::object source = py::cast(std::move(view));
  py::detail::keep_alive_impl(source, matrix);
  return source;
}

py::object dense_source(const py::array& matrix) {
  const long n = matrix.ndim() == 2 ? matrix.shape(0) : 0;
  check_shape(matrix, "K", n, n);
  return py::isinstance<py::array_t<float>>(matrix) ? view_of<float>(matrix)
                                                    : view_of<double>(matrix);
}

template <class T>
void register_for(py::module_& module, const std::string& bits) {
  py::class_<TileSource<T>>(module, ("TileSource" + bits).c_str())
      .def_property_readonly(
          "shape", [](const TileSource<T>& s) { return py::make_tuple(s.rows(), s.cols()); })
      .def_property_readonly("dtype", [](const TileSource<T>&) { return py::dtype::of<T>(); })
      .def_property_readonly("symmetric", &TileSource<T>::symmetric)
      .def_property_readonly("nbytes", &TileSource<T>::bytes)
      .def("diagonal", &diagonal<T>)
      .def(
          "to_dense",
          [](const TileSource<T>& s, const py::array& out, int threads,
             const py::object& progress) { to_dense<T>(s, {out}, threads, progress); },
          py::arg("out").noconvert(), py::arg("threads") = 0, py::arg("progress") = py::none())
      .def("matmat", &matmat<T>, py::arg("V").noconvert(), py::arg("out").noconvert(),
           py::arg("threads") = 0, py::arg("progress") = py::none());

  py::class_<LimitingKernel<T>, TileSource<T>>(module, ("LimitingKernel" + bits).c_str())
      .def(py::init(&make_kernel<T>), py::arg("X").noconvert(), py::arg("Y").noconvert(),
           py::arg("scale"), py::arg("activations"), py::arg("maps"), py::arg("outputs"),
           py::arg("threads") = 0, py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def_property_readonly("largest_diagonal", &LimitingKernel<T>::largest_diagonal)
      .def_property_readonly("route", &route<T>)
      .def("to_dense_all", &to_dense<T>, py::arg("outs"), py::arg("threads") = 0,
           py::arg("progress") = py::none());

  py::class_<LimitingGradients<T>>(module, ("LimitingGradients" + bits).c_str())
      .def(py::init(&make_gradients<T>), py::arg("X").noconvert(), py::arg("Y").noconvert(),
           py::arg("scale"), py::arg("activations"), py::arg("maps"), py::arg("nngp"),
           py::arg("factors"), py::arg("threads") = 0, py::keep_alive<1, 2>(),
           py::keep_alive<1, 3>())
      .def_property_readonly(
          "shape", [](const LimitingGradients<T>& s) { return py::make_tuple(s.rows(), s.cols()); })
      .def_property_readonly("dtype",
                             [](const LimitingGradients<T>&) { return py::dtype::of<T>(); })
      .def_property_readonly("symmetric", &LimitingGradients<T>::symmetric)
      .def_property_readonly("nbytes", &LimitingGradients<T>::bytes)
      .def_property_readonly("largest_diagonal", &LimitingGradients<T>::largest_diagonal)
      .def(
          "to_dense_all",
          [](const LimitingGradients<T>& s, const std::vector<py::array>& outs, int threads,
             const py::object& progress) { to_dense<T>(s, outs, threads, progress); },
          py::arg("outs"), py::arg("threads") = 0, py::arg("progress") = py::none());

  py::class_<PackedTriangle<T>, TileSource<T>>(module, ("PackedTriangle" + bits).c_str());
  module.def(
      "pack_triangle",
      [](const TileSource<T>& source, int threads, const py::object& progress) {
        const cpu::Poll poll = poll_with(progress);
        const py::gil_scoped_release release;
        return std::make_unique<PackedTriangle<T>>(source, threads, poll);
      },
      py::arg("source"), py::arg("threads") = 0, py::arg("progress") = py::none());

  py::class_<DenseMatrix<T>, TileSource<T>>(module, ("DenseMatrix" + bits).c_str());
}

}  // namespace

void register_sources(py::module_& module) {
  register_for<float>(module, "32");
  register_for<double>(module, "64");
  module.def("dense_source", &dense_source, py::arg("K").noconvert());
}

}  // namespace fastntk::bindings
