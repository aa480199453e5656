// SPDX-License-Identifier: Apache-2.0
// A kernel with its derivatives on an emulated GPU, as test_limiting_gradients.cpp has them on the
// CPU; the same bits in every order of threads.
#include <cmath>

#include "check.h"
#include "cuda/limiting_gradients.h"
#include "emulated_gpu.h"
#include "gradient_problem.h"

namespace {

using namespace test;
using fastntk::SampleType;
using fastntk::cuda::LimitingGradients;

template <class T>
std::vector<std::vector<T>> whole(const Problem& problem, bool nngp) {
  const LimitingGradients<T> source(problem.x, problem.y, problem.scale, problem.net, nngp, gpu());
  std::vector<std::vector<T>> outputs(3, std::vector<T>(source.rows() * source.cols(), T(NAN)));
  source.write_dense({outputs[0].data(), outputs[1].data(), outputs[2].data()}, gpu());
  return outputs;
}

void check(const Problem& problem, bool nngp) {
  const std::vector<GradientProbe> expected = gradient_probes(problem, nngp);
  check_gradients(problem, nngp, expected, whole<float>(problem, nngp), "emulated GPU");
  check_gradients(problem, nngp, expected, whole<double>(problem, nngp), "emulated GPU");
}

}  // namespace

int main() {
  for_gradient_problems(check);
  const Rows wide({SampleType::kUint8, false, false}, 5, 33026, 1);
  check({"wide integers", wide.view(0, 5), nullptr, 1.0 / 255, network(2, 0.1)}, false);
  const Rows tiles({SampleType::kFloat64, true, false}, 131, 20, 1);
  const Problem problem{"two tiles", tiles.view(0, 131), nullptr, 1.0, network(2, 0.1)};
  const auto first = whole<double>(problem, false);
  check_gradients(problem, false, gradient_probes(problem, false), first, "emulated GPU");
  in_every_order([&] { CHECK(whole<double>(problem, false) == first); });
  return test::summary();
}
