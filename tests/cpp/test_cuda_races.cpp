// SPDX-License-Identifier: Apache-2.0
// Every kernel of a whole computation once, on problems so small that ThreadSanitizer, under which
// each CUDA thread is a thread, has an end; without it, against the reference.
#include <cmath>

#include "check.h"
#include "cuda/limiting_gradients.h"
#include "cuda/limiting_kernel.h"
#include "cuda/pointwise.h"
#include "cuda/stored_sources.h"
#include "cuda_empirical_problem.h"
#include "emulated_gpu.h"
#include "gradient_problem.h"
#include "kernel_problem.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Product;
using fastntk::SampleType;

// other: the same function with kernels of any network.
template <class T>
void check(const Kind& kind, long columns, const Network& net, Product product, long count = 70,
           const Network* other = nullptr) {
  constexpr long kVectors = 2;
  const Rows rows(kind, count, columns, 1);
  const Problem problem{kind_name(kind), rows.view(0, count), nullptr, 1.0, net};
  const fastntk::cuda::LimitingKernel<T> kernel(problem.x, nullptr, problem.scale,
                                                other ? *other : net,
                                                {ntk_shares(net), nngp_shares(net)}, gpu());
  CHECK(kernel.route().product == product);
  Computed<T> computed{{2, std::vector<T>(count * count, T(NAN))}, std::vector<T>(count)};
  kernel.write_dense({computed.kernels[0].data(), computed.kernels[1].data()}, gpu());
  kernel.diagonal(computed.diagonal.data(), gpu());
  check_computed(problem, probes(problem), computed, "emulated GPU");

  const fastntk::cuda::PackedTriangle<T> packed(kernel, kernel.largest_diagonal(), gpu());
  const std::vector<T> ones(count * kVectors, T(1));
  std::vector<double> computed_sums(count * kVectors), stored_sums(count * kVectors);
  kernel.multiply(ones.data(), computed_sums.data(), kVectors, gpu());
  packed.multiply(ones.data(), stored_sums.data(), kVectors, gpu());
  for (long i = 0; i < count * kVectors; ++i) {
    // Of 70 entries within the gate each, and sums of 22 bits.
    const double scale = std::abs(stored_sums[i]) + std::abs(computed.diagonal[i / kVectors]);
    CHECK_AT_MOST(std::abs(computed_sums[i] - stored_sums[i]), 1e-5 * scale, problem.name);
  }
}

// The kernel of a finite network, in parts where many multiprocessors make it worth while.
template <class T>
void check_empirical(long outputs, long width, int multiprocessors, bool in_parts) {
  fastntk::cuda::emulation::set_multiprocessors(multiprocessors);
  const EmpiricalProblem<T> problem(
      {40 / outputs, 0, outputs, {{width, width}, {width, 0}}, Numbers::kPositive});
  const EmpiricalKernel<T> kernel = problem.kernel();
  CHECK_EQUAL(kernel.parts() > 1, in_parts);
  // The bounds of test_cuda_empirical_kernel.cpp.
  CHECK_AT_MOST(problem.largest_error(whole(kernel)), (sizeof(T) == 4 ? 1.5e-6 : 1e-13),
                problem.shape());
  const std::vector<T> ones(kernel.cols(), T(1));
  for (const double sum : times(kernel, ones, 1))
    CHECK(std::isfinite(sum));
}

void check_gradient(const Kind& kind, long columns, const Network* other = nullptr) {
  constexpr long kCount = 33;
  const Rows rows(kind, kCount, columns, 1);
  const Problem problem{kind_name(kind), rows.view(0, kCount), nullptr, 1.0, network(2, 0.1)};
  const fastntk::cuda::LimitingGradients<double> source(problem.x, nullptr, problem.scale,
                                                        other ? *other : problem.net, false, gpu());
  std::vector<std::vector<double>> outputs(3, std::vector<double>(kCount * kCount, NAN));
  source.write_dense({outputs[0].data(), outputs[1].data(), outputs[2].data()}, gpu());
  check_gradients(problem, false, gradient_probes(problem, false), outputs, "emulated GPU");
}

template <class T>
void check_pointwise() {
  std::vector<T> z(70 * 40, T(-1)), values(z.size()), shift(40, T(3)), signals(2 * z.size(), T(1));
  const fastntk::Activation relu = fastntk::ActivationKind::kRelu;
  fastntk::cuda::activate(relu, T(2), shift.data(), 70, 40, z.data(), values.data(), gpu());
  fastntk::cuda::apply_slope(relu, T(5), z.data(), 70, 40, 2, signals.data(), gpu());
  CHECK(values == std::vector<T>(z.size(), T(1)));
  CHECK(signals == std::vector<T>(signals.size(), T(5)));
}

void limiting() {
  const Kind pixels{SampleType::kUint8, false, false};
  const Kind floats{SampleType::kFloat32, true, false};
  const Kind doubles{SampleType::kFloat64, true, false};
  check<float>(pixels, 100, network(2, 0.1), Product::kInteger);
  check<float>(pixels, 1, network(2, 0.1), Product::kInteger, 129);
  check<double>(pixels, 100, network(2, 0.0), Product::kInteger);
  check<float>(floats, 200, network(2, 0.1), Product::kSlices);
  check<float>(floats, 128, network(2, 0.1), Product::kSlices, 33);
  check<float>(floats, 100, network(2, 0.1), Product::kFloat);
  check<double>(floats, 20, network(1, 0.1, 1.0, fastntk::ActivationKind::kErf), Product::kDouble);
  check<double>(doubles, 20, network(2, 0.1), Product::kDouble);
  fastntk::Activation relu = fastntk::ActivationKind::kPiecewiseLinear;
  relu.parameters[1] = 1;
  const Network any = network(2, 0.1, 1.0, relu);
  check<double>(pixels, 100, network(2, 0.1), Product::kInteger, 70, &any);
  check<double>(doubles, 20, network(2, 0.1), Product::kDouble, 70, &any);
  check_gradient(pixels, 40);
  check_gradient(pixels, 40, &any);
  check_gradient(doubles, 20);
}

void empirical() {
  check_empirical<float>(1, 20, 1, false);
  check_empirical<float>(2, 20, 1, false);
  check_empirical<double>(1, 20, 1, false);
  check_empirical<double>(4, 20, 1, false);
  check_empirical<float>(1, 130, 132, true);
  check_empirical<float>(2, 130, 132, true);
  check_empirical<double>(2, 70, 132, true);
  check_pointwise<float>();
  check_pointwise<double>();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string part = argc > 1 ? argv[1] : "";
  if (part != "empirical")
    limiting();
  if (part != "limiting")
    empirical();
  return test::summary();
}
