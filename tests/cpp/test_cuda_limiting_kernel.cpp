// SPDX-License-Identifier: Apache-2.0
// Kernels on an emulated GPU against the reference, as test_limiting_kernel.cpp has them: every
// product, data type, result type, shape and depth, within the bounds of the README; the same bits
// in every order of threads; and products with vectors that are never stored.
#include <cmath>
#include <stdexcept>

#include "check.h"
#include "cuda/limiting_kernel.h"
#include "cuda/stored_sources.h"
#include "emulated_gpu.h"
#include "kernel_problem.h"
#include "product_error.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Activation;
using fastntk::ActivationKind;
using fastntk::Product;
using fastntk::SampleType;
using Kernel32 = fastntk::cuda::LimitingKernel<float>;

struct Shape {
  long rows;
  long cols;  // 0: square, rows with themselves
  long columns;
};

// Around the edges of warps and tiles; one run of columns, and several.
const std::vector<Shape> kShapes = {
    {1, 0, 1},     {31, 0, 63},  {32, 0, 784},  {33, 0, 1},     {127, 0, 63}, {129, 0, 64},
    {300, 0, 784}, {1, 300, 63}, {300, 1, 129}, {31, 127, 784}, {129, 33, 1}, {64, 65, 200},
};

template <class T>
fastntk::cuda::LimitingKernel<T> kernel_of(const Problem& problem) {
  return {problem.x,
          problem.y,
          problem.scale,
          problem.net,
          {ntk_shares(problem.net), nngp_shares(problem.net)},
          gpu()};
}

template <class T>
Computed<T> computed_by(const fastntk::cuda::LimitingKernel<T>& kernel) {
  const std::size_t entries = kernel.rows() * kernel.cols();
  Computed<T> computed{{2, std::vector<T>(entries, T(NAN))}, {}};
  kernel.write_dense({computed.kernels[0].data(), computed.kernels[1].data()}, gpu());
  if (kernel.symmetric()) {
    computed.diagonal.resize(kernel.rows());
    kernel.diagonal(computed.diagonal.data(), gpu());
  }
  return computed;
}

// Of K v, relative to sum_j sqrt(K_ii K_jj) |v_j| of the NNGP's diagonal, which bounds the tiles'
// entries. Floats: the entries' gate and that of sums of 22-bit products; doubles: the unit of the
// fixed point and the rounding of the dense entries.
template <class T, class V>
constexpr double kProductError = sizeof(T) == 8   ? 1e-14
                                 : sizeof(V) == 4 ? 2e-6
                                                  : 6e-7;

template <class T, class V>
void check_product(const fastntk::cuda::LimitingKernel<T>& kernel, const std::vector<T>& K,
                   const std::string& what) {
  constexpr long kVectors = 3;
  const long n = kernel.rows(), m = kernel.cols();
  Random random(static_cast<std::uint64_t>(n + m));
  std::vector<V> v(m * kVectors);
  for (V& value : v)
    value = static_cast<V>(random.bell());
  std::vector<double> y(n * kVectors, NAN);
  kernel.multiply(v.data(), y.data(), kVectors, gpu());
  CHECK_AT_MOST(product_error(K, v, y, n, m, kVectors), (kProductError<T, V>), what);
  in_every_order([&] {
    std::vector<double> again(n * kVectors, NAN);
    kernel.multiply(v.data(), again.data(), kVectors, gpu());
    CHECK(again == y);
  });
}

// What to check of a problem beside its entries.
enum class Also { kNothing, kProducts, kProductsAndOrders };

template <class T>
void check_type(const Problem& problem, const std::vector<Probe>& expected, Also also) {
  const auto kernel = kernel_of<T>(problem);
  const Computed<T> computed = computed_by(kernel);
  check_computed(problem, expected, computed, "emulated GPU");
  if (also == Also::kProductsAndOrders)
    in_every_order([&] { CHECK(computed_by(kernel).kernels == computed.kernels); });
  if (also == Also::kNothing)
    return;
  check_product<T, float>(kernel, computed.kernels[0], problem.name);
  check_product<T, double>(kernel, computed.kernels[0], problem.name);
}

void check(const Problem& problem, Also also = Also::kNothing) {
  const std::vector<Probe> expected = probes(problem);
  check_type<float>(problem, expected, also);
  check_type<double>(problem, expected, also);
}

void check_shape(const Kind& kind, const Shape& shape, const std::vector<Network>& nets,
                 Also also = Also::kNothing) {
  const Rows rows(kind, shape.rows + shape.cols, shape.columns,
                  static_cast<std::uint64_t>(shape.rows + 7 * shape.cols + 31 * shape.columns));
  const Samples x = rows.view(0, shape.rows), y = rows.view(shape.rows, shape.cols);
  for (const Network& net : nets)
    check({kind_name(kind), x, shape.cols > 0 ? &y : nullptr, scale_of(kind), net}, also);
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

// Every depth and bias with every kind of data, and products with vectors.
void depths() {
  std::size_t turn = 0;
  for (const Kind& kind : all_kinds()) {
    check_shape(kind, {47, 0, 129}, networks());
    for (int two = 0; two < 2; ++two)
      check_shape(kind, {30, 37, 65}, {networks()[turn++ % networks().size()]});
    check_shape(kind, {131, 0, 65}, {network(3, 0.1)}, Also::kProductsAndOrders);
    check_shape(kind, {20, 70, 130}, {network(2, 0.0)}, Also::kProducts);
    check_shape(kind, {40, 0, 33}, {network(0, 0.1)}, Also::kProducts);
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

// The data of two kinds that differ in their products: which one was chosen.
void products() {
  const auto product = [](const Kind& kind, long count, long columns) {
    const Rows rows(kind, count, columns, 1);
    const Network net = network(3, 0.1);
    const Kernel32 kernel(rows.view(0, count), nullptr, 1.0, net, {ntk_shares(net)}, gpu());
    return kernel.route().product;
  };
  const Kind pixels{SampleType::kUint8, false, false};
  CHECK(product(pixels, 4, 784) == Product::kInteger);
  CHECK(product(pixels, 4, 33026) == Product::kWideInteger);
  CHECK(product({SampleType::kFloat32, true, false}, 40, 784) == Product::kSlices);
  CHECK(product({SampleType::kFloat32, true, false}, 40, 64) == Product::kFloat);
  CHECK(product({SampleType::kFloat64, true, false}, 40, 64) == Product::kDouble);
  // A bias beside which float radii have no digits left, too.
  check_shape(pixels, {12, 0, 40}, {network(2, 1e5)});
  CHECK(product(pixels, 4, 40) == Product::kInteger);
  const Rows rows(pixels, 3, 33026, 1);
  const Problem wide{"wide pixels", rows.view(0, 3), nullptr, 1.0 / 255, network(2, 0.1)};
  check_type<double>(wide, probes(wide), Also::kNothing);
}

// The largest products that 32 bits must hold: rows of 255s.
void full_pixels() {
  for (const long columns : {1L, 64L, 784L, 33025L}) {
    const long count = columns > 1000 ? 3 : 34;
    std::vector<double> values(count * columns, 255.0);
    values[0] = 254;
    values[columns] = 0;
    const Rows rows(SampleType::kUint8, columns, values);
    check({"full pixels", rows.view(0, count), nullptr, 1.0 / 255, network(3, 0.0)});
    if (columns < 1000)
      check({"full pixels", rows.view(0, count), nullptr, 1.0 / 255, network(1, 0.1)});
  }
}

// Rows so close to one another that products of floats would all be measured again.
void clustered_rows() {
  constexpr long kCount = 40, kColumns = 200;
  const std::vector<double> values = clustered_values(kCount, kColumns);
  for (const SampleType type : {SampleType::kFloat32, SampleType::kFloat64}) {
    const Rows rows(type, kColumns, values);
    for (const Network& net : networks())
      check({"clustered rows", rows.view(0, kCount), nullptr, 1.0, net});
  }
}

// Fixed point has a place for entries that are all zero, and for numbers at the ends of their range.
void products_at_the_ends() {
  const auto product = [](double value, double v) {
    const Rows rows(SampleType::kFloat64, 1, {value, value});
    const Network net = network(0, 0.0);
    const fastntk::cuda::LimitingKernel<double> kernel(rows.view(0, 2), nullptr, 1.0, net,
                                                       {nngp_shares(net)}, gpu());
    const std::vector<double> vectors(2, v);
    std::vector<double> y(2, NAN);
    kernel.multiply(vectors.data(), y.data(), 1, gpu());
    std::vector<double> K(4, NAN);
    kernel.write_dense({K.data()}, gpu());
    const double expected = K[1] * v * 2;
    CHECK_AT_MOST(std::abs(y[0] - expected), 1e-14 * std::abs(expected), "at the ends");
  };
  product(0, 1);
  product(1e-140, 1);
  product(1e150, 1e-300);
  product(1e-140, 1e300);
  product(1, 3e307);
  product(1, 1e-300);
}

// The packed triangle of a kernel holds the entries that are written whole.
void packed() {
  const Rows rows({SampleType::kUint8, false, false}, 300, 65, 1);
  const Problem problem{"packed", rows.view(0, 300), nullptr, 1.0 / 255, network(3, 0.1)};
  const auto kernel = kernel_of<float>(problem);
  const fastntk::cuda::PackedTriangle<float> triangle(kernel, kernel.largest_diagonal(), gpu());
  std::vector<float> whole(300 * 300, NAN);
  triangle.write_dense({whole.data()}, gpu());
  CHECK(whole == computed_by(kernel).kernels[0]);
}

// Problems of one shape, computed by one launch.
void batches() {
  constexpr int kBatch = 3;
  for (const Kind& kind : all_kinds()) {
    for (const long n : {5L, 130L}) {
      constexpr long kOthers = 70, kColumns = 65;
      const Rows rows(kind, kBatch * (n + kOthers), kColumns, 1);
      const Samples all = rows.view(0, kBatch * n),
                    others = rows.view(kBatch * n, kBatch * kOthers);
      const Network net = network(3, 0.1);
      const std::vector<TrainedShares> ntk{ntk_shares(net)};
      for (const Samples* cols : {static_cast<const Samples*>(nullptr), &others}) {
        const long m = cols ? kOthers : n;
        const Kernel32 together(all, cols, scale_of(kind), net, ntk, gpu(), kBatch);
        CHECK_EQUAL(together.rows(), n);
        CHECK_EQUAL(together.cols(), m);
        std::vector<float> K(kBatch * n * m, NAN);
        together.write_dense({K.data()}, gpu());
        for (int b = 0; b < kBatch; ++b) {
          const Samples x = rows.view(b * n, n), y = rows.view(kBatch * n + b * kOthers, kOthers);
          const Problem problem{kind_name(kind), x, cols ? &y : nullptr, scale_of(kind), net};
          const std::vector<Probe> expected = probes(problem);
          for (const Probe& probe : expected) {
            const float value = K[(b * n + probe.i) * m + probe.j];
            CHECK_AT_MOST(std::abs(value - probe.value.ntk),
                          gate<float>(kind.type, 3) * probe.denominator.ntk, problem.name);
          }
        }
      }
    }
  }
}

void refusals() {
  const Rows rows({SampleType::kFloat32, true, false}, 8, 5, 1);
  const Samples x = rows.view(0, 4);
  Samples other = rows.view(4, 4);
  const auto make = [&](const Samples& a, const Samples* b, double scale) {
    const Network net = network(1, 0.1);
    return Kernel32(a, b, scale, net, {ntk_shares(net)}, gpu());
  };
  other.columns = 4;
  CHECK_THROWS(std::invalid_argument, make(x, &other, 1.0));
  CHECK_THROWS(std::invalid_argument, make(x, nullptr, 0.0));
  other = x;
  other.rows = 0;
  CHECK_THROWS(std::invalid_argument, make(other, nullptr, 1.0));
  for (const double strange : {double(NAN), double(INFINITY)}) {
    const Rows bad(SampleType::kFloat32, 2, {1, 2, strange, 4});
    CHECK_THROWS(std::invalid_argument, make(bad.view(0, 2), nullptr, 1.0));
  }
  const Network net = network(1, 0.1);
  CHECK_THROWS(std::invalid_argument, Kernel32(x, nullptr, 1.0, net, {ntk_shares(net)}, gpu(), 3));
  CHECK_THROWS(std::invalid_argument, Kernel32(x, nullptr, 1.0, net, {ntk_shares(net)}, gpu(), 0));
  const Kernel32 rectangle = make(x, &x, 1.0);
  std::vector<float> some(16);
  CHECK_THROWS(std::invalid_argument, rectangle.diagonal(some.data(), gpu()));
  CHECK_THROWS(std::invalid_argument, rectangle.write_packed(some.data(), gpu()));
  CHECK_THROWS(std::invalid_argument, rectangle.write_dense({}, gpu()));
}

}  // namespace

int main() {
  shapes();
  depths();
  recursions_in_double();
  other_weights();
  products();
  full_pixels();
  clustered_rows();
  products_at_the_ends();
  packed();
  batches();
  refusals();
  return test::summary();
}
