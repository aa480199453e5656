// SPDX-License-Identifier: Apache-2.0
// The dual of an activation by itself: what one layer makes of pairs of preactivations.
#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/module.h"
#include "bindings/network.h"

namespace fastntk::bindings {
namespace {

using Numbers = py::array_t<double, py::array::c_style | py::array::forcecast>;

// Rows of one pair, in the pair type T: row steps have the digits that an engine gives them.
template <class T, class Act>
void dual_of_pair(const Act& act, double q, double p, double x, double* to) {
  const RowDual<Extended> left = act.template row_step<Extended>(q);
  const RowDual<Extended> right = act.template row_step<Extended>(p);
  T a[kMaxRowScalars] = {}, b[kMaxRowScalars] = {};
  for_row_scalars(act, [&](int k) {
    a[k] = static_cast<T>(left.scalars[k]);
    b[k] = static_cast<T>(right.scalars[k]);
  });
  const PairDual<T> dual = plain_dual(act.template pair_step<kFolded>(static_cast<T>(x), a, b));
  to[0] = static_cast<double>(left.second_moment);
  to[1] = static_cast<double>(left.slope);
  to[2] = static_cast<double>(right.second_moment);
  to[3] = static_cast<double>(right.slope);
  to[4] = static_cast<double>(dual.deficit);
  to[5] = static_cast<double>(dual.slope);
}

py::array dual(const NamedActivation& named, const Numbers& q, const Numbers& p, const Numbers& x,
               bool single) {
  const long count = q.size();
  if (q.ndim() != 1 || p.ndim() != 1 || x.ndim() != 1 || p.size() != count || x.size() != count)
    throw py::value_error("q, p and x must be 1-D and of equal length");
  Network network;
  add_activation(named.first, named.second, network);
  constexpr int kResults = 6;
  py::array_t<double> found({count, static_cast<long>(kResults)});
  const double *left = q.data(), *right = p.data(), *deficits = x.data();
  double* to = found.mutable_data();
  {
    const py::gil_scoped_release release;
    with_activation(network.activations[0], [&](auto act) {
      for (long i = 0; i < count; ++i) {
        (single ? dual_of_pair<float, decltype(act)>
                : dual_of_pair<double, decltype(act)>)(act, left[i], right[i], deficits[i],
                                                       to + i * kResults);
      }
      return true;
    });
  }
  return found;
}

}  // namespace

void register_dual(py::module_& module) {
  module.def("dual", &dual, py::arg("activation"), py::arg("q"), py::arg("p"), py::arg("x"),
             py::arg("single") = false);
}

}  // namespace fastntk::bindings
