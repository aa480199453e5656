// SPDX-License-Identifier: Apache-2.0
// Every kernel of a whole computation once, on problems so small that ThreadSanitizer, under which
// each CUDA thread is a thread, has an end; without it, against the reference.
#include <cmath>

#include "check.h"
#include "cuda/limiting_kernel.h"
#include "cuda/stored_sources.h"
#include "emulated_gpu.h"
#include "kernel_problem.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Product;
using fastntk::SampleType;

template <class T>
void check(const Kind& kind, long columns, const Network& net, Product product, long count = 70) {
  constexpr long kVectors = 2;
  const Rows rows(kind, count, columns, 1);
  const Problem problem{kind_name(kind), rows.view(0, count), nullptr, 1.0, net};
  const fastntk::cuda::LimitingKernel<T> kernel(problem.x, nullptr, problem.scale, net,
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

}  // namespace

int main() {
  const Kind pixels{SampleType::kUint8, false, false};
  const Kind floats{SampleType::kFloat32, true, false};
  const Kind doubles{SampleType::kFloat64, true, false};
  check<float>(pixels, 100, network(2, 0.1), Product::kInteger);
  check<float>(pixels, 1, network(2, 0.1), Product::kInteger, 129);
  check<double>(pixels, 100, network(2, 0.0), Product::kInteger);
  check<float>(floats, 200, network(2, 0.1), Product::kSlices);
  check<float>(floats, 128, network(2, 0.1), Product::kSlices, 33);
  check<float>(floats, 100, network(2, 0.1), Product::kFloat);
  check<double>(floats, 20, network(1, 0.1, 1.0, fastntk::Activation::kErf), Product::kDouble);
  check<double>(doubles, 20, network(2, 0.1), Product::kDouble);
  return test::summary();
}
