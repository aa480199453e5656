// SPDX-License-Identifier: Apache-2.0
// A kernel with its derivatives against differences of the reference: every instruction set, both
// result types, all kinds of data, both kernels, with and without biases; more than one tile.
#include "cpu/limiting_gradients.h"

#include <stdexcept>

#include "check.h"
#include "gradient_problem.h"

namespace {

using namespace test;
using fastntk::SampleType;
using fastntk::cpu::LimitingGradients;

template <class T>
void check_type(const Problem& problem, bool nngp, const std::vector<GradientProbe>& expected,
                const std::string& isa) {
  const LimitingGradients<T> source(problem.x, problem.y, problem.scale, problem.net, nngp, isa, 2);
  check_gradients(problem, nngp, expected, dense<T>(source, 2, isa), isa);
  if (!source.symmetric())
    return;
  std::vector<T> diagonal(source.rows());
  source.diagonal(diagonal.data());
  CHECK(diagonal[0] <= source.largest_diagonal());
}

void check(const Problem& problem, bool nngp) {
  const std::vector<GradientProbe> expected = gradient_probes(problem, nngp);
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    check_type<float>(problem, nngp, expected, isa);
    check_type<double>(problem, nngp, expected, isa);
  }
}

// Three tiles of a symmetric matrix, and so many columns that products of pixels need doubles.
void large() {
  const Rows tiles({SampleType::kUint8, false, false}, 261, 40, 1);
  check({"three tiles", tiles.view(0, 261), nullptr, 1.0 / 255, network(2, 0.1)}, false);
  const Rows wide({SampleType::kUint8, false, false}, 5, 33026, 1);
  check({"wide integers", wide.view(0, 5), nullptr, 1.0 / 255, network(2, 0.1)}, false);
}

void refusals() {
  const Rows rows({SampleType::kFloat32, true, false}, 8, 5, 1);
  const Samples x = rows.view(0, 4);
  Samples other = rows.view(4, 4);
  other.columns = 4;
  const std::string isa = fastntk::cpu::selected_isa();
  const auto make = [&](const Samples* y, double scale) {
    return LimitingGradients<double>(x, y, scale, network(1, 0.1), false, isa, 1);
  };
  CHECK_THROWS(std::invalid_argument, make(&other, 1.0));
  CHECK_THROWS(std::invalid_argument, make(nullptr, 0.0));
}

}  // namespace

int main() {
  for_gradient_problems(check);
  large();
  refusals();
  return test::summary();
}
