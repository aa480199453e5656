// SPDX-License-Identifier: Apache-2.0
// Products of dense matrices that are faster here than in BLAS.
#include "bindings/arrays.h"
#include "bindings/module.h"
#include "cpu/fast_product.h"
#include "cpu/isa/engine.h"
#include "cpu/skinny_product.h"

namespace fastntk::bindings {
namespace {

struct Extents {
  long rows, cols, inner;
};

Extents checked_extents(const py::array& A, const py::array& B, const py::array& out,
                        bool transposed) {
  if (A.ndim() != 2 || B.ndim() != 2 || A.size() == 0 || B.size() == 0)
    throw py::value_error("A and B must be 2-D and not empty");
  const long rows = A.shape(0), inner = A.shape(1), cols = B.shape(transposed ? 1 : 0);
  check_shape(B, "B", transposed ? inner : cols, transposed ? cols : inner);
  check_shape(out, "out", rows, cols);
  return {rows, cols, inner};
}

template <class T>
void skinny_product_of(const py::array& A, const py::array& B, const py::array& out,
                       bool transposed, int threads) {
  const auto [rows, cols, inner] = checked_extents(A, B, out, transposed);
  const cpu::SkinnyProduct<T> product{data_of<T>(A, "A", false),
                                      data_of<T>(B, "B", false),
                                      data_of<T>(out, "out", true),
                                      rows,
                                      cols,
                                      inner};
  const std::string isa = cpu::selected_isa();
  const py::gil_scoped_release release;
  cpu::multiply_skinny(product, transposed, isa, threads);
}

void skinny_product(const py::array& A, const py::array& B, const py::array& out, bool transposed,
                    int threads) {
  (py::isinstance<py::array_t<float>>(A)
       ? skinny_product_of<float>
       : skinny_product_of<double>)(A, B, out, transposed, threads);
}

bool rows_product(const py::array& A, const py::array& B, const py::array& out, bool transposed,
                  int threads) {
  const auto [rows, cols, inner] = checked_extents(A, B, out, transposed);
  const cpu::FastProduct product{data_of<float>(A, "A", false),
                                 data_of<float>(B, "B", false),
                                 data_of<float>(out, "out", true),
                                 rows,
                                 cols,
                                 inner,
                                 transposed};
  const std::string isa = cpu::selected_isa();
  const py::gil_scoped_release release;
  return cpu::multiply_fast(product, isa, threads);
}

}  // namespace

void register_product(py::module_& module) {
  module.def("rows_product", &rows_product, py::arg("A").noconvert(), py::arg("B").noconvert(),
             py::arg("out").noconvert(), py::arg("transposed") = false, py::arg("threads") = 0);
  module.def("skinny_product", &skinny_product, py::arg("A").noconvert(), py::arg("B").noconvert(),
             py::arg("out").noconvert(), py::arg("transposed") = false, py::arg("threads") = 0);
  module.def("has_fast_product", [] { return cpu::has_fast_product(cpu::selected_isa()); });
}

}  // namespace fastntk::bindings
