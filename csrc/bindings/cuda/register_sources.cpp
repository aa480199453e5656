// SPDX-License-Identifier: Apache-2.0
// Tile sources in device memory: the limiting kernel, the packed triangle, views of dense matrices.
// Results are written into arrays of the caller, on the stream of the context; nothing waits for it.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/cuda/arrays.h"
#include "bindings/cuda/module.h"
#include "bindings/cuda/place.h"
#include "bindings/network.h"
#include "bindings/route.h"
#include "cuda/limiting_gradients.h"
#include "cuda/limiting_kernel.h"
#include "cuda/stored_sources.h"

namespace fastntk::bindings {
namespace {

using cuda::Context;
using cuda::DenseBlock;
using cuda::DenseMatrix;
using cuda::LimitingGradients;
using cuda::LimitingKernel;
using cuda::PackedTriangle;
using cuda::TileSource;

template <class T>
void to_dense(const TileSource<T>& source, const std::vector<py::object>& outs,
              const Context& context) {
  std::vector<T*> to;
  for (const py::object& out : outs) {
    const DeviceView view = view_of(out, "out");
    std::vector<long> shape{source.rows(), source.cols()};
    if (source.batch() > 1)
      shape.insert(shape.begin(), source.batch());
    check_shape(view, "out", shape);
    to.push_back(data_of<T>(view, "out", true));
  }
  if (static_cast<int>(to.size()) != source.outputs())
    throw py::value_error("out must be one array per output");
  const py::gil_scoped_release release;
  const OnDevice device(context);
  source.write_dense(to, context);
}

template <class T, class V>
void matmat_as(const TileSource<T>& source, const DeviceView& vectors, double* out, long k,
               const Context& context) {
  const V* v = data_of<V>(vectors, "V", false);
  const py::gil_scoped_release release;
  const OnDevice device(context);
  if (k > 0)
    source.multiply(v, out, k, context);
}

template <class T>
void matmat(const TileSource<T>& source, const py::object& vectors, const py::object& out,
            const Context& context) {
  const DeviceView v = view_of(vectors, "V"), y = view_of(out, "out");
  const long k = v.shape.size() == 2 ? v.shape[1] : 0;
  check_shape(v, "V", {source.cols(), k});
  check_shape(y, "out", {source.rows(), k});
  double* to = data_of<double>(y, "out", true);
  if (v.type == type_text<float>())
    matmat_as<T, float>(source, v, to, k, context);
  else
    matmat_as<T, double>(source, v, to, k, context);
}

template <class T>
void diagonal(const TileSource<T>& source, const py::object& out, const Context& context) {
  const DeviceView view = view_of(out, "out");
  check_shape(view, "out", {source.batch() * source.rows()});
  T* to = data_of<T>(view, "out", true);
  const py::gil_scoped_release release;
  const OnDevice device(context);
  source.diagonal(to, context);
}

template <class T>
std::unique_ptr<LimitingKernel<T>>
make_kernel(const py::object& rows, const py::object& cols, double scale,
            const std::vector<NamedActivation>& activations, const std::vector<MapNumbers>& maps,
            const ShareLists& outputs, const Context& context, int batch) {
  const Samples x = samples_of(rows, "X");
  const bool square = cols.is_none();
  const Samples y = square ? x : samples_of(cols, "Y");
  const Network network = make_network(activations, maps);
  const std::vector<TrainedShares> shares = make_shares(outputs, network);
  const py::gil_scoped_release release;
  const OnDevice device(context);
  return std::make_unique<LimitingKernel<T>>(x, square ? nullptr : &y, scale, network, shares,
                                             context, batch);
}

template <class T>
std::unique_ptr<LimitingGradients<T>>
make_gradients(const py::object& rows, const py::object& cols, double scale,
               const std::vector<NamedActivation>& activations, const std::vector<MapNumbers>& maps,
               bool nngp, const Factors& factors, const Context& context) {
  const Samples x = samples_of(rows, "X");
  const bool square = cols.is_none();
  const Samples y = square ? x : samples_of(cols, "Y");
  Network network = make_network(activations, maps);
  set_factors(network, factors);
  const py::gil_scoped_release release;
  const OnDevice device(context);
  return std::make_unique<LimitingGradients<T>>(x, square ? nullptr : &y, scale, network, nngp,
                                                context);
}

template <class T>
void gradients_to_dense(const LimitingGradients<T>& source, const std::vector<py::object>& outs,
                        const Context& context) {
  std::vector<T*> to;
  for (const py::object& out : outs) {
    const DeviceView view = view_of(out, "out");
    check_shape(view, "out", {source.rows(), source.cols()});
    to.push_back(data_of<T>(view, "out", true));
  }
  const py::gil_scoped_release release;
  const OnDevice device(context);
  source.write_dense(to, context);
}

template <class T>
std::unique_ptr<PackedTriangle<T>> pack_triangle(const TileSource<T>& source,
                                                 double largest_magnitude, const Context& context) {
  const py::gil_scoped_release release;
  const OnDevice device(context);
  return std::make_unique<PackedTriangle<T>>(source, largest_magnitude, context);
}

// A view lives no longer than the array that it views.
template <class Source>
py::object kept_with(const py::object& array, std::unique_ptr<Source> made) {
  py::object source = py::cast(std::move(made));
  py::detail::keep_alive_impl(source, array);
  return source;
}

template <class T>
py::object matrix_view(const py::object& matrix, const DeviceView& view, double largest_magnitude) {
  const T* data = data_of<T>(view, "K", false);
  return kept_with(matrix,
                   std::make_unique<DenseMatrix<T>>(data, view.shape[0], largest_magnitude));
}

py::object dense_source(const py::object& matrix, double largest_magnitude) {
  const DeviceView view = view_of(matrix, "K");
  const long n = view.shape.size() == 2 ? view.shape[0] : 0;
  check_shape(view, "K", {n, n});
  return view.type == type_text<float>() ? matrix_view<float>(matrix, view, largest_magnitude)
                                         : matrix_view<double>(matrix, view, largest_magnitude);
}

template <class T>
py::object block_view(const py::object& block, const DeviceView& view, double largest_magnitude) {
  const T* data = data_of<T>(view, "K", false);
  return kept_with(block, std::make_unique<DenseBlock<T>>(data, view.shape[0], view.shape[1],
                                                          largest_magnitude));
}

py::object dense_block(const py::object& block, double largest_magnitude) {
  const DeviceView view = view_of(block, "K");
  if (view.shape.size() != 2)
    throw py::value_error("K must be 2-D");
  return view.type == type_text<float>() ? block_view<float>(block, view, largest_magnitude)
                                         : block_view<double>(block, view, largest_magnitude);
}

template <class T>
void register_for(py::module_& module, const std::string& bits) {
  py::class_<TileSource<T>>(module, ("TileSource" + bits).c_str())
      .def_property_readonly(
          "shape", [](const TileSource<T>& s) { return py::make_tuple(s.rows(), s.cols()); })
      .def_property_readonly("dtype", [](const TileSource<T>&) { return py::dtype::of<T>(); })
      .def_property_readonly("symmetric", &TileSource<T>::symmetric)
      .def_property_readonly("nbytes", &TileSource<T>::bytes)
      .def("diagonal", &diagonal<T>, py::arg("out"), py::arg("context"))
      .def("to_dense_all", &to_dense<T>, py::arg("outs"), py::arg("context"))
      .def("matmat", &matmat<T>, py::arg("V"), py::arg("out"), py::arg("context"));

  py::class_<LimitingKernel<T>, TileSource<T>>(module, ("LimitingKernel" + bits).c_str())
      .def(py::init(&make_kernel<T>), py::arg("X"), py::arg("Y"), py::arg("scale"),
           py::arg("activations"), py::arg("maps"), py::arg("outputs"), py::arg("context"),
           py::arg("batch") = 1, py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def_property_readonly("largest_diagonal", &LimitingKernel<T>::largest_diagonal)
      .def_property_readonly(
          "route", [](const LimitingKernel<T>& kernel) { return route_dict<T>(kernel.route()); });

  py::class_<LimitingGradients<T>>(module, ("LimitingGradients" + bits).c_str())
      .def(py::init(&make_gradients<T>), py::arg("X"), py::arg("Y"), py::arg("scale"),
           py::arg("activations"), py::arg("maps"), py::arg("nngp"), py::arg("factors"),
           py::arg("context"), py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def_property_readonly(
          "shape", [](const LimitingGradients<T>& s) { return py::make_tuple(s.rows(), s.cols()); })
      .def_property_readonly("dtype",
                             [](const LimitingGradients<T>&) { return py::dtype::of<T>(); })
      .def_property_readonly("symmetric", &LimitingGradients<T>::symmetric)
      .def_property_readonly("nbytes", &LimitingGradients<T>::bytes)
      .def_property_readonly("largest_diagonal", &LimitingGradients<T>::largest_diagonal)
      .def("to_dense_all", &gradients_to_dense<T>, py::arg("outs"), py::arg("context"));

  py::class_<PackedTriangle<T>, TileSource<T>>(module, ("PackedTriangle" + bits).c_str());
  module.def("pack_triangle", &pack_triangle<T>, py::arg("source"), py::arg("largest_magnitude"),
             py::arg("context"));
  py::class_<DenseMatrix<T>, TileSource<T>>(module, ("DenseMatrix" + bits).c_str());
  py::class_<DenseBlock<T>, TileSource<T>>(module, ("DenseBlock" + bits).c_str());
}

}  // namespace

void register_sources(py::module_& module) {
  register_for<float>(module, "32");
  register_for<double>(module, "64");
  module.def("dense_source", &dense_source, py::arg("K"), py::arg("largest_magnitude"));
  module.def("dense_block", &dense_block, py::arg("K"), py::arg("largest_magnitude"));
}

}  // namespace fastntk::bindings
