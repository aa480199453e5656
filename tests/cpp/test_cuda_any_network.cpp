// SPDX-License-Identifier: Apache-2.0
// Networks beyond ReLU and erf on an emulated GPU, against the CPU engine's, whose duals have tests of
// their own: every activation, a table, skip connections, layer normalisation, and all of them mixed.
#include <cmath>
#include <sstream>

#include "check.h"
#include "cpu/limiting_gradients.h"
#include "cuda/limiting_gradients.h"
#include "cuda/limiting_kernel.h"
#include "dual_table.h"
#include "emulated_gpu.h"
#include "gram.h"
#include "product_error.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Activation;
using fastntk::ActivationKind;
using fastntk::SampleType;

// Mehler's sum of three orders, with row scalars (1, l, 1 - l^2) for l = log q, whatever the moments.
std::vector<double> hermite_table() {
  constexpr int kRank = 3, kTerms = 3;
  std::vector<double> numbers = {kRank, kTerms, 0.0, 0.25, 2, 0, 1, 0, 0, 0.25, 0.5, 1.5, 0, 0};
  numbers.insert(numbers.end(), {0.5, 0.25, 1.0});      // of a row of variance 0
  numbers.insert(numbers.end(), {1.0, 0.125, 0.0});     // the second moment
  numbers.insert(numbers.end(), {0.75, -0.0625, 0.0});  // the slope
  numbers.insert(numbers.end(), {0.8, 0.0, 0.0, 0.4, 0.2, 0.0, 0.2, 0.0, -0.1});
  return dual_table(numbers, {0, 1, 3});  // orders
}

struct Named {
  std::string name;
  std::vector<double> parameters;
};

const std::vector<Named>& activations() {
  static const std::vector<Named> all = {
      {"relu", {}},
      {"erf", {}},
      {"piecewise_linear", {1, -0.2}},
      {"relu_squared", {}},
      {"relu_cubed", {}},
      {"step", {}},
      {"sign", {}},
      {"polynomial", {0.5, 1, -0.25, 0, 0, 0, 0, 0, 0}},
      {"sinusoid", {0.6, 0.8}},
      {"exponential", {}},
      {"rbf", {}},
      {"gaussian", {}},
      {"gelu", {}},
      {"tabulated", hermite_table()},
  };
  return all;
}

Network network_of(const std::vector<Named>& layers, double bias_std, double skip = 0,
                   double normal_std = 0) {
  Network net;
  for (std::size_t l = 0; l <= layers.size(); ++l) {
    net.maps.push_back({l % 2 == 0 ? 0.9 : 1.1, bias_std});
    net.maps.back().skip = l > 0 && l < layers.size() ? skip : 0;
    net.maps.back().normal_std = l < layers.size() ? normal_std : 0;
  }
  for (const Named& layer : layers)
    add_activation(layer.name, layer.parameters, net);
  return net;
}

// NaN only where both are.
template <class T, class U>
double largest_difference(const std::vector<T>& found, const std::vector<U>& wanted,
                          const std::vector<double>& rows, const std::vector<double>& cols) {
  double largest = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < cols.size(); ++j) {
      const double a = static_cast<double>(found[i * cols.size() + j]);
      const double b = static_cast<double>(wanted[i * cols.size() + j]);
      const double size = std::sqrt(rows[i] * cols[j]);
      const double error = size > 0 ? std::fabs(a - b) / size : std::fabs(a - b);
      if (!(error <= largest))
        largest = error;
    }
  }
  return largest;
}

std::vector<double> diagonal_of(const Samples& x, double scale, const Network& net,
                                const TrainedShares& shares) {
  const LimitingKernel<double> kernel(x, nullptr, scale, net, {shares},
                                      fastntk::cpu::selected_isa(), 1);
  std::vector<double> diagonal(x.rows);
  kernel.diagonal(diagonal.data());
  return diagonal;
}

// Both engines have the same formulas and products of integers without error. Row steps differ in
// their last bits, and products of other data in theirs: the gates of the README, which exponentials
// widen.
template <class T>
double bound(SampleType type) {
  if (sizeof(T) == sizeof(float))
    return 1e-7;  // a result in double, rounded once
  return type == SampleType::kUint8 ? 1e-14 : 1e-12;
}

template <class T>
void check(const Samples& x, const Samples* y, double scale, const Network& net,
           const std::string& what) {
  const std::vector<TrainedShares> outputs = {ntk_shares(net), nngp_shares(net)};
  const fastntk::cuda::LimitingKernel<T> kernel(x, y, scale, net, outputs, gpu());
  const LimitingKernel<double> cpu(x, y, scale, net, outputs, fastntk::cpu::selected_isa(), 1);
  const std::vector<std::vector<double>> wanted = dense(cpu, 1);
  const long entries = kernel.rows() * kernel.cols();
  std::vector<std::vector<T>> found(2, std::vector<T>(entries, T(NAN)));
  kernel.write_dense({found[0].data(), found[1].data()}, gpu());
  CHECK(sizeof(T) == sizeof(double) || kernel.route().double_recursion);
  for (int o = 0; o < 2; ++o) {
    const std::vector<double> rows = diagonal_of(x, scale, net, outputs[o]);
    const std::vector<double> cols = y ? diagonal_of(*y, scale, net, outputs[o]) : rows;
    CHECK_AT_MOST(largest_difference(found[o], wanted[o], rows, cols), bound<T>(x.type), what);
  }
  for (long i = 0; y == nullptr && i < kernel.rows(); ++i) {
    for (long j = 0; j < i; ++j)
      CHECK(found[0][i * kernel.cols() + j] == found[0][j * kernel.cols() + i]);
  }
  constexpr long kVectors = 2;
  std::vector<double> v(kernel.cols() * kVectors), product(kernel.rows() * kVectors, NAN);
  Random random(3);
  for (double& value : v)
    value = random.bell();
  kernel.multiply(v.data(), product.data(), kVectors, gpu());
  CHECK_AT_MOST(product_error(found[0], v, product, kernel.rows(), kernel.cols(), kVectors),
                sizeof(T) == sizeof(double) ? 1e-14 : 6e-7, what);
}

// The NTK's derivatives, relative to the largest entry of each: rows alike have nearly equal ones.
void check_gradients(const Samples& x, const Samples* y, double scale, const Network& net,
                     const std::string& what) {
  const fastntk::cuda::LimitingGradients<double> gradients(x, y, scale, net, false, gpu());
  const fastntk::cpu::LimitingGradients<double> cpu(x, y, scale, net, false,
                                                    fastntk::cpu::selected_isa(), 1);
  const std::vector<std::vector<double>> wanted = dense(cpu, 1);
  std::vector<std::vector<double>> found(3, std::vector<double>(wanted[0].size(), NAN));
  gradients.write_dense({found[0].data(), found[1].data(), found[2].data()}, gpu());
  for (int o = 0; o < 3; ++o) {
    double largest = 0, error = 0;
    for (std::size_t i = 0; i < wanted[o].size(); ++i) {
      largest = std::max(largest, std::fabs(wanted[o][i]));
      const double own = std::fabs(found[o][i] - wanted[o][i]);
      if (!(own <= error))
        error = own;
    }
    CHECK_AT_MOST(error / largest, (x.type == SampleType::kUint8 ? 1e-13 : 1e-11), what);
  }
}

const Kind kPixels{SampleType::kUint8, false, false};
const Kind kDoubles{SampleType::kFloat64, true, false};
const Kind kFloats{SampleType::kFloat32, true, true};

// only_values: networks with skip connections, and functions that jump, have no derivatives.
void check_network(const Network& net, const std::string& what, const std::vector<Kind>& kinds,
                   bool only_values = false) {
  for (const Kind& kind : kinds) {
    constexpr long kRows = 35, kCols = 5, kColumns = 40;
    const Rows rows(kind, kRows + kCols, kColumns, 7);
    const Samples x = rows.view(0, kRows), y = rows.view(kRows, kCols);
    const double scale = kind.type == SampleType::kUint8 ? 1.0 / 255 : 1.0;
    check<double>(x, nullptr, scale, net, what + ", " + kind_name(kind));
    check<float>(x, nullptr, scale, net, what + ", " + kind_name(kind));
    check<double>(x, &y, scale, net, what + ", rectangular, " + kind_name(kind));
    if (!only_values) {
      check_gradients(x, nullptr, scale, net, what + ", " + kind_name(kind));
      check_gradients(x, &y, scale, net, what + ", rectangular, " + kind_name(kind));
    }
  }
}

void each_activation() {
  for (const Named& one : activations()) {
    if (one.name == "relu")  // has kernels in float, and tests of its own
      continue;
    const bool jumps = one.name == "step" || one.name == "sign";  // no derivatives
    // Acute angles, then angles of both kinds; two layers show the first one's angle as well.
    check_network(network_of({one}, 0.3), one.name, {kPixels}, jumps);
    check_network(network_of({one, one}, 0.1), one.name + " twice", {kDoubles}, jumps);
  }
}

void layers_of_all_kinds() {
  const std::vector<Named>& all = activations();
  const std::vector<Named> mixed = {all[8], all[13], all[0], all[12], all[2]};
  const std::vector<Kind> all_data = {kPixels, kDoubles, kFloats};
  check_network(network_of(mixed, 0.2), "mixed", all_data);
  check_network(network_of(mixed, 0.2, 0.7), "skip connections", all_data, true);
  check_network(network_of({all[0], all[0], all[1]}, 0.0, 1.0), "skip connections of ReLU and erf",
                {kDoubles}, true);
  check_network(network_of(mixed, 0.2, 0.5, 1.0), "normalised, with skip connections", {kPixels},
                true);
  check_network(network_of(mixed, 0.2, 0.0, 1.0), "normalised", {kPixels});
}

// Rows of equal norms have one table for all layers, whichever these are.
void depth_table() {
  const Kind kind{SampleType::kUint8, false, true};
  constexpr long kRows = 260, kColumns = 30;
  const Rows rows(kind, kRows, kColumns, 7);
  const Network net = network_of({activations()[12], activations()[8]}, 0.2);
  const fastntk::cuda::LimitingKernel<double> kernel(rows.view(0, kRows), nullptr, 1.0 / 255, net,
                                                     {ntk_shares(net)}, gpu());
  CHECK(kernel.route().tabulated);
  check<double>(rows.view(0, kRows), nullptr, 1.0 / 255, net, "equal norms");
  check<float>(rows.view(0, kRows), nullptr, 1.0 / 255, net, "equal norms");
}

}  // namespace

int main() {
  each_activation();
  layers_of_all_kinds();
  depth_table();
  return test::summary();
}
