// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of finite networks on an emulated GPU against long double: every shape of tiles,
// products of rows and of points, whole tiles and tiles in parts; the same bits in every order of
// threads; and products with vectors that are never stored.
#include "cuda_empirical_problem.h"

#include <stdexcept>

#include "product_error.h"

namespace {

using namespace test;

// Floats: each of two factors loses up to 2^-22 of itself, and so does leaving out the product of
// their low halves; two products make an entry, so that 1.4e-6 were possible, and equal numbers come
// near it. Sums of 16 products that are rounded toward zero add 2e-7. Doubles: 2,000 roundings, which
// for equal numbers all fall the same way.
template <class T>
constexpr double kBound = sizeof(T) == 4 ? 1.5e-6 : 1e-13;

// Of K v, relative to the sum of magnitudes: the bound of stored matrices.
template <class T, class V>
constexpr double kProductError = sizeof(T) == 4 && sizeof(V) == 4 ? 1e-6 : 1e-14;

template <class T, class V>
void check_product(const EmpiricalKernel<T>& kernel, const std::vector<T>& K,
                   const EmpiricalShape& shape, bool orders) {
  constexpr long kVectors = 3;
  Random random(1);
  std::vector<V> v(kernel.cols() * kVectors);
  for (V& value : v)
    value = static_cast<V>(random.bell());
  const std::vector<double> y = times(kernel, v, kVectors);
  CHECK_AT_MOST(product_error(K, v, y, kernel.rows(), kernel.cols(), kVectors, 3),
                (kProductError<T, V>), shape);
  if (orders)
    in_every_order([&] { CHECK(times(kernel, v, kVectors) == y); });
}

enum class Also { kNothing, kProducts, kProductsAndOrders };

template <class T>
void check_kernel(const EmpiricalProblem<T>& problem, bool in_parts, Also also, long stride) {
  const EmpiricalKernel<T> kernel = problem.kernel();
  CHECK_EQUAL(kernel.parts() > 1, in_parts);
  const std::vector<T> K = whole(kernel);
  CHECK_AT_MOST(problem.largest_error(K, stride), kBound<T>, problem.shape());
  const long n = kernel.rows();
  if (kernel.symmetric()) {
    std::vector<T> diagonal(n);
    kernel.diagonal(diagonal.data(), gpu());
    T largest = 0;
    bool alike = true;
    for (long i = 0; i < n; ++i) {
      alike = alike && diagonal[i] == K[i * n + i];
      largest = std::max(largest, diagonal[i]);
      for (long j = 0; j < i; ++j)
        alike = alike && K[i * n + j] == K[j * n + i];
    }
    CHECK(alike);
    CHECK_EQUAL(static_cast<T>(kernel.largest_diagonal()), largest);
    const fastntk::cuda::PackedTriangle<T> packed(kernel, kernel.largest_diagonal(), gpu());
    std::vector<T> unpacked(n * n, T(NAN));
    packed.write_dense({unpacked.data()}, gpu());
    CHECK(unpacked == K);
  }
  if (also == Also::kNothing)
    return;
  const bool orders = also == Also::kProductsAndOrders;
  check_product<T, float>(kernel, K, problem.shape(), orders);
  check_product<T, double>(kernel, K, problem.shape(), orders);
  if (orders)
    in_every_order([&] { CHECK(whole(problem.kernel()) == K); });
}

// Where there is one multiprocessor, tiles are computed whole.
void check(const EmpiricalShape& shape, Also also = Also::kNothing, long stride = 1) {
  fastntk::cuda::emulation::set_multiprocessors(1);
  check_kernel(EmpiricalProblem<float>(shape), false, also, stride);
  check_kernel(EmpiricalProblem<double>(shape), false, also, stride);
}

// On an H100 these are computed in parts.
void check_in_parts(const EmpiricalShape& shape, Also also = Also::kNothing, long stride = 1) {
  fastntk::cuda::emulation::set_multiprocessors(132);
  check_kernel(EmpiricalProblem<float>(shape), true, also, stride);
  check_kernel(EmpiricalProblem<double>(shape), true, also, stride);
}

// Around the edges of warps, tiles and runs; widths and numbers take turns.
void shapes() {
  const std::vector<std::vector<MapWidths>> widths = {
      {{31, 65}, {65, 1}, {1, 0}}, {{784, 3}, {3, 0}}, {{1, 200}, {200, 64}}, {{64, 31}, {31, 0}}};
  constexpr Numbers kAll[] = {Numbers::kSigned, Numbers::kPositive, Numbers::kEqual};
  std::size_t turn = 0;
  for (const long points : {1L, 31L, 33L, 129L, 300L}) {
    for (const long outputs : {1L, 2L, 3L, 10L}) {
      const long rows = points * outputs;
      const bool large = rows > 1000;
      if (rows > 1300)
        continue;
      const auto& chosen = large ? widths[3] : widths[turn % widths.size()];
      check({points, 0, outputs, chosen, kAll[turn % 3]}, Also::kNothing, 1 + rows / 64);
      ++turn;
    }
  }
}

void rectangles() {
  check({1, 200, 1, {{33, 17}, {17, 0}}, Numbers::kPositive}, Also::kProducts);
  check({140, 3, 1, {{64, 17}, {17, 0}}, Numbers::kSigned}, Also::kProducts);
  check({45, 70, 3, {{20, 17}, {17, 0}}, Numbers::kPositive}, Also::kProducts, 5);
  check({2, 13, 10, {{20, 16}, {16, 16}}, Numbers::kSigned}, Also::kProducts);
}

// Products with vectors, in every order of threads.
void products() {
  check({131, 0, 1, {{40, 17}, {17, 0}}, Numbers::kPositive}, Also::kProductsAndOrders, 7);
  check({70, 0, 2, {{24, 33}, {33, 0}}, Numbers::kPositive}, Also::kProductsAndOrders, 7);
}

void parts() {
  const std::vector<MapWidths> widths = {{784, 200}, {200, 64}, {64, 0}};
  check_in_parts({1, 0, 1, widths, Numbers::kPositive});
  check_in_parts({131, 0, 1, widths, Numbers::kPositive}, Also::kProducts, 7);
  check_in_parts({16, 0, 8, {{300, 200}, {200, 200}, {200, 0}}, Numbers::kPositive},
                 Also::kProductsAndOrders, 3);
  check_in_parts({45, 0, 3, widths, Numbers::kSigned}, Also::kNothing, 3);
  check_in_parts({20, 150, 1, widths, Numbers::kSigned}, Also::kProducts);
  check_in_parts({13, 50, 3, {{400, 33}, {0, 300}, {31, 0}}, Numbers::kEqual}, Also::kProducts);
}

// Terms of which only a bias is trained, or nothing has signals: the kernel of the last layer.
void terms() {
  for (const long outputs : {1L, 3L}) {
    check({40, 0, outputs, {{0, 33}, {33, 0}}, Numbers::kSigned});
    check({40, 0, outputs, {{50, 0}}, Numbers::kPositive});
    check({40, 0, outputs, {{0, 0}}, Numbers::kSigned});
    check({40, 20, outputs, {{0, 20}, {20, 0}}, Numbers::kSigned});
  }
}

// A row of equal numbers is where all roundings of a split fall the same way.
void equal_numbers() {
  check({20, 0, 1, {{2000, 1000}, {1000, 0}}, Numbers::kEqual});
  check({20, 0, 1, {{2000, 1000}, {1000, 0}}, Numbers::kPositive});
}

void refusals() {
  using Kernel = EmpiricalKernel<float>;
  std::vector<float> numbers(64, 1.0f);
  const fastntk::cuda::RowView<float> four{numbers.data(), 4, 8}, eight{numbers.data(), 8, 8},
      none{nullptr, 0, 0}, narrow{numbers.data(), 4, 7};
  const std::vector<MapFactors> one{{1.0, 0.0}};
  CHECK_THROWS(std::invalid_argument, Kernel(4, {}, 0, {}, {}, 1, gpu()));
  CHECK_THROWS(std::invalid_argument, Kernel(0, {{four, none}}, 0, {}, one, 1, gpu()));
  CHECK_THROWS(std::invalid_argument, Kernel(4, {{four, none}}, 0, {}, {}, 1, gpu()));
  CHECK_THROWS(std::invalid_argument, Kernel(4, {{none, four}}, 0, {}, one, 1, gpu()));
  CHECK_THROWS(std::invalid_argument, Kernel(4, {{eight, none}}, 0, {}, one, 1, gpu()));
  CHECK_THROWS(std::invalid_argument, Kernel(4, {{four, four}}, 0, {}, one, 2, gpu()));
  CHECK_THROWS(std::invalid_argument,
               Kernel(4, {{four, none}}, 4, {{narrow, none}}, one, 1, gpu()));
  CHECK_THROWS(std::invalid_argument, Kernel(4, {{four, none}}, 4, {{four, four}}, one, 1, gpu()));
  const Kernel rectangle(4, {{four, none}}, 4, {{four, none}}, one, 1, gpu());
  CHECK_THROWS(std::invalid_argument, rectangle.diagonal(numbers.data(), gpu()));
  CHECK_THROWS(std::invalid_argument, rectangle.write_packed(numbers.data(), gpu()));
  numbers[3] = NAN;
  const Kernel broken(4, {{four, none}}, 0, {}, one, 1, gpu());
  CHECK(std::isnan(broken.largest_diagonal()));
  std::vector<double> y(4);
  CHECK_THROWS(std::invalid_argument, broken.multiply(numbers.data() + 8, y.data(), 1, gpu()));
}

}  // namespace

int main() {
  shapes();
  rectangles();
  products();
  parts();
  terms();
  equal_numbers();
  refusals();
  return test::summary();
}
