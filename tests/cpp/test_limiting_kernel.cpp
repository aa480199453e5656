// SPDX-License-Identifier: Apache-2.0
// Kernels of every instruction set, data type, result type, sign, norm, shape and depth against the
// reference, within the bounds of the README.
#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

#include "check.h"
#include "gram.h"
#include "kernel_problem.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Activation;
using fastntk::ActivationKind;
using fastntk::Product;
using fastntk::SampleType;

struct Shape {
  long rows;
  long cols;  // 0: square, rows with themselves
  long columns;
};

// Around the edges of registers, panels, strips and tiles.
const std::vector<Shape> kShapes = {
    {1, 0, 1},    {2, 0, 3},    {31, 0, 63},   {32, 0, 64},    {33, 0, 65},    {63, 0, 3},
    {65, 0, 784}, {255, 0, 63}, {256, 0, 65},  {257, 0, 64},   {300, 0, 784},  {1, 300, 65},
    {300, 1, 64}, {2, 31, 1},   {33, 257, 63}, {256, 255, 65}, {257, 63, 784}, {65, 300, 3},
};

void check_shape(const Kind& kind, const Shape& shape, const std::vector<Network>& nets) {
  const Rows rows(kind, shape.rows + shape.cols, shape.columns,
                  static_cast<std::uint64_t>(shape.rows + 7 * shape.cols + 31 * shape.columns));
  const Samples x = rows.view(0, shape.rows), y = rows.view(shape.rows, shape.cols);
  for (const Network& net : nets)
    check_problem({kind_name(kind), x, shape.cols > 0 ? &y : nullptr, scale_of(kind), net});
}

// Every shape with every kind of data; depths and biases take turns.
void shapes() {
  std::size_t turn = 0;
  for (const Shape& shape : kShapes) {
    for (const Kind& kind : all_kinds())
      check_shape(kind, shape, {networks()[turn++ % networks().size()]});
    ++turn;  // ten kinds and eight networks would meet in a short cycle
  }
}

// Every depth and bias with every kind of data.
void depths() {
  for (const Kind& kind : all_kinds()) {
    check_shape(kind, {47, 0, 64}, networks());
    check_shape(kind, {30, 37, 65}, networks());
  }
}

// A float result of so many layers is rounded from double, and one of erf too.
void recursions_in_double() {
  for (const Kind& kind : all_kinds()) {
    check_shape(kind, {20, 0, 65}, {network(20, 0.1), network(2, 0.1, 1.0, ActivationKind::kErf)});
    check_shape(kind, {9, 20, 65}, {network(20, 0.0)});
  }
}

void other_weights() {
  for (const Kind& kind : all_kinds())
    check_shape(kind, {24, 0, 65}, {network(3, 0.5, 1.5), network(2, 1.0, 0.2)});
}

// More columns than 32-bit distances hold.
void wide_pixels() {
  const Kind kind{SampleType::kUint8, false, false};
  check_shape(kind, {12, 0, 33026}, {network(2, 0.1)});
  const Rows rows(kind, 4, 33026, 1);
  const LimitingKernel<float> kernel(rows.view(0, 4), nullptr, 1.0, network(1, 0.0),
                                     {ntk_shares(network(1, 0.0))}, "portable", 1);
  CHECK(kernel.route().product == Product::kWideInteger);
}

// The largest products that 32 bits must hold: rows of 255s.
void full_pixels() {
  for (const long columns : {1L, 64L, 784L, 33025L}) {
    const long count = columns > 1000 ? 3 : 34;
    std::vector<double> values(count * columns, 255.0);
    values[0] = 254;
    values[columns] = 0;
    const Rows rows(SampleType::kUint8, columns, values);
    check_problem({"full pixels", rows.view(0, count), nullptr, 1.0 / 255, network(1, 0.1)});
    check_problem({"full pixels", rows.view(0, count), nullptr, 1.0 / 255, network(3, 0.0)});
  }
}

// Rows so close to one another that float products would all be repaired.
void clustered_rows() {
  constexpr long kCount = 40, kColumns = 65;
  const std::vector<double> values = clustered_values(kCount, kColumns);
  for (const SampleType type : {SampleType::kFloat32, SampleType::kFloat64}) {
    const Rows rows(type, kColumns, values);
    for (const Network& net : networks())
      check_problem({"clustered rows", rows.view(0, kCount), nullptr, 1.0, net});
  }
}

// Float sums of equally signed products, just above the distance from which pairs are measured
// again: every entry against the double result, whose own error is nothing beside the gate.
void neighbouring_rows() {
  constexpr long kCount = 150;
  const Network net = network(1, 0.0);
  for (const long columns : {16L, 128L, 300L, 512L, 784L}) {
    Random random(static_cast<std::uint64_t>(columns));
    std::vector<double> values(2 * kCount * columns);
    for (long c = 0; c < kCount * columns; ++c) {
      values[c] = random.uniform();
      values[kCount * columns + c] = std::max(0.0, values[c] + 0.08 * random.bell());
    }
    const Rows rows(SampleType::kFloat32, columns, values);
    const Samples x = rows.view(0, kCount), y = rows.view(kCount, kCount);
    for (const std::string& isa : fastntk::cpu::supported_isas()) {
      const LimitingKernel<float> kernel(x, &y, 1.0, net, {ntk_shares(net)}, isa, 1);
      const LimitingKernel<double> exact(x, &y, 1.0, net, {ntk_shares(net)}, isa, 1);
      const auto K = dense<float>(kernel, 1)[0];
      const auto expected = dense<double>(exact, 1)[0];
      double worst = 0;
      for (std::size_t cell = 0; cell < K.size(); ++cell)
        worst = std::max(worst, std::abs(K[cell] / expected[cell] - 1));
      CHECK_AT_MOST(worst, gate<float>(SampleType::kFloat32, 1), isa);
    }
  }
}

// No useful column at all.
void nothing_but_zeros() {
  for (const SampleType type : {SampleType::kUint8, SampleType::kFloat32, SampleType::kFloat64}) {
    const Rows rows(type, 5, std::vector<double>(5 * 40, 0.0));
    const Samples y = rows.view(0, 3);
    for (const Network& net : networks()) {
      check_problem({"zeros", rows.view(0, 40), nullptr, 1.0, net});
      check_problem({"zeros", rows.view(0, 40), &y, 1.0, net});
    }
  }
}

// One layer's parts add up to the NTK.
void parts_of_the_ntk() {
  const Network net = network(3, 0.1);
  const Rows rows({SampleType::kFloat32, true, false}, 70, 33, 5);
  std::vector<TrainedShares> outputs = {ntk_shares(net)};
  for (std::size_t l = 0; l < net.maps.size(); ++l) {
    TrainedShares one{std::vector<double>(net.maps.size(), 0.0),
                      std::vector<double>(net.maps.size(), 0.0)};
    one.weights[l] = one.biases[l] = 1.0;
    outputs.push_back(one);
  }
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    const LimitingKernel<double> kernel(rows.view(0, 70), nullptr, 1.0, net, outputs, isa, 2);
    const auto all = dense<double>(kernel, 2);
    double worst = 0;
    for (std::size_t cell = 0; cell < all[0].size(); ++cell) {
      double sum = 0;
      for (std::size_t l = 1; l < all.size(); ++l)
        sum += all[l][cell];
      worst = std::max(worst, std::abs(sum - all[0][cell]));
    }
    // Entries are of order 1; each part is a few roundings off, and the repair's error is common.
    CHECK_AT_MOST(worst, 1e-14, isa);
  }
}

void bad_arguments() {
  const Rows rows({SampleType::kUint8, false, false}, 8, 5, 1);
  const Network net = network(1, 0.1);
  const std::vector<TrainedShares> one = {ntk_shares(net)};
  const Samples x = rows.view(0, 4);
  Samples other = rows.view(4, 4);
  const auto make = [&](const Samples& a, const Samples* b, double scale, const Network& with,
                        const std::vector<TrainedShares>& outputs, const std::string& isa) {
    return std::make_unique<LimitingKernel<float>>(a, b, scale, with, outputs, isa, 1);
  };
  CHECK(make(x, &other, 1.0, net, one, "portable") != nullptr);
  CHECK_THROWS(std::invalid_argument, make(rows.view(0, 0), nullptr, 1.0, net, one, "portable"));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, 0.0, net, one, "portable"));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, NAN, net, one, "portable"));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, 1.0, net, {}, "portable"));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, 1.0, net, one, "abacus"));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, 1.0, network(1, -0.1), one, "portable"));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, 1.0, network(1, 0.1, 0.0), one, "portable"));
  other.columns = 4;
  CHECK_THROWS(std::invalid_argument, make(x, &other, 1.0, net, one, "portable"));
}

}  // namespace

int main() {
  shapes();
  depths();
  recursions_in_double();
  other_weights();
  wide_pixels();
  full_pixels();
  clustered_rows();
  neighbouring_rows();
  nothing_but_zeros();
  parts_of_the_ntk();
  bad_arguments();
  return test::summary();
}
