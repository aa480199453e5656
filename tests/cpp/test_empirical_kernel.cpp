// SPDX-License-Identifier: Apache-2.0
// Empirical kernels of made-up activations and signals against long double, on every instruction set.
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "cpu/empirical_kernel.h"
#include "gram.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::MapFactors;
using fastntk::Product;
using fastntk::cpu::EmpiricalKernel;
using fastntk::cpu::MapRows;
using fastntk::cpu::RowView;

enum class Kind { kBell, kSparse, kNear, kSizes, kOneHot, kConstant, kOutliers };
constexpr const char* kNames[] = {"bell",    "sparse",   "near-duplicates", "sizes",
                                  "one-hot", "constant", "outliers"};

template <class T>
std::vector<T> numbers(Kind kind, long rows, long columns, Random& random) {
  std::vector<T> values(rows * columns);
  for (long i = 0; i < rows; ++i) {
    const double size = std::ldexp(1.0, static_cast<int>(random.below(60)) - 30);
    const double constant = 0.1 + random.uniform();
    for (long k = 0; k < columns; ++k) {
      double value = random.bell();
      switch (kind) {
      case Kind::kSparse:
        value = std::max(value, 0.0);
        break;
      case Kind::kNear:
        value = i % 3 ? values[(i - 1) * columns + k] * (1 + 1e-6 * value) : value;
        break;
      case Kind::kSizes:
        value *= size;
        break;
      case Kind::kOneHot:
        value = k == 7 * i % columns ? constant : 0;
        break;
      case Kind::kConstant:
        value = constant;
        break;
      case Kind::kOutliers:
        value += k == i % columns ? 1e4 : 0;
        break;
      default:
        break;
      }
      values[i * columns + k] = static_cast<T>(i % 11 == 5 ? 0 : value);  // some rows are zero
    }
  }
  return values;
}

struct Shape {
  long points, other_points;  // none: symmetric
  long outputs;
  std::vector<long> widths;  // of the inputs and of every hidden layer
};

// A kernel's arrays, and the kernel itself in long double.
template <class T>
struct Problem {
  Problem(Kind kind, const Shape& shape, std::uint64_t seed) : shape(shape) {
    Random random(seed);
    const std::size_t maps = shape.widths.size();
    for (std::size_t l = 0; l < maps; ++l) {
      factors.push_back({1.3 / static_cast<double>(shape.widths[l]), l % 2 ? 0.01 : 0.3});
      for (const bool other : {false, true}) {
        const long points = other ? shape.other_points : shape.points;
        arrays.push_back(numbers<T>(kind, points, shape.widths[l], random));
        const long width = l + 1 < maps ? shape.widths[l + 1] : 0;
        arrays.push_back(numbers<T>(kind, points * shape.outputs, width, random));
      }
    }
    factors[0].alpha = 0;  // its weights are not trained: its activations are not there
  }

  std::vector<MapRows<T>> side(bool other) const {
    const long points = other ? shape.other_points : shape.points;
    std::vector<MapRows<T>> rows;
    for (std::size_t l = 0; points > 0 && l < shape.widths.size(); ++l) {
      const std::vector<T>& activations = arrays[4 * l + 2 * other];
      const std::vector<T>& signals = arrays[4 * l + 2 * other + 1];
      RowView<T> a{activations.data(), points, shape.widths[l]}, d{nullptr, 0, 0};
      if (l + 1 < shape.widths.size())
        d = {signals.data(), points * shape.outputs, shape.widths[l + 1]};
      if (l == 0)
        a = {nullptr, 0, 0};
      rows.push_back({a, d});
    }
    return rows;
  }

  EmpiricalKernel<T> kernel(const std::string& isa, int threads) const {
    return {shape.points, side(false), shape.other_points, side(true), factors, shape.outputs,
            isa,          threads};
  }

  bool symmetric() const { return shape.other_points == 0; }

  // Of row i of one side with row j of another.
  long double entry(const std::vector<MapRows<T>>& a, long i, const std::vector<MapRows<T>>& b,
                    long j) const {
    const long c = shape.outputs;
    long double sum = 0;
    for (std::size_t l = 0; l < factors.size(); ++l) {
      const long double signal =
          a[l].signals.data ? dot(a[l].signals, i, b[l].signals, j) : i % c == j % c;
      const long double activation =
          a[l].activations.data ? dot(a[l].activations, i / c, b[l].activations, j / c) : 0;
      sum += signal * (factors[l].alpha * activation + factors[l].beta);
    }
    return sum;
  }

  static long double dot(const RowView<T>& a, long i, const RowView<T>& b, long j) {
    long double sum = 0;
    for (long k = 0; k < a.columns; ++k)
      sum += static_cast<long double>(a.data[i * a.columns + k]) * b.data[j * b.columns + k];
    return sum;
  }

  Shape shape;
  std::vector<MapFactors> factors;
  std::vector<std::vector<T>> arrays;  // per map: activations, signals of one side and of the other
};

template <class T>
double bound(Kind kind) {
  // Sums of equal numbers round alike for long: measured 2.4e-6 and 5e-15.
  const bool alike = kind == Kind::kConstant;
  if (sizeof(T) == sizeof(float))
    return alike ? 3e-6 : 4e-7;  // the latter measured 2.1e-7
  return alike ? 1e-14 : 3e-15;  // measured 2.1e-15
}

// Some rows are compared with the reference, all of them among each other.
template <class T>
void check(Kind kind, const Shape& shape) {
  const Problem<T> problem(kind, shape, 7);
  const auto rows = problem.side(false);
  const auto cols = problem.symmetric() ? rows : problem.side(true);
  const long n = shape.points * shape.outputs;
  const long m = problem.symmetric() ? n : shape.other_points * shape.outputs;
  std::vector<double> own(n), others(m);
  for (long i = 0; i < n; ++i)
    own[i] = static_cast<double>(problem.entry(rows, i, rows, i));
  for (long j = 0; j < m; ++j)
    others[j] = static_cast<double>(problem.entry(cols, j, cols, j));
  const long stride = 1 + n / 40;
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    const EmpiricalKernel<T> kernel = problem.kernel(isa, 1);
    const auto K = dense<T>(kernel, 1, isa)[0];
    double worst = 0;
    for (long i = 0; i < n; i += stride) {
      for (long j = i % 3; j < m; j += 1 + m / 60) {
        const double expected = static_cast<double>(problem.entry(rows, i, cols, j));
        worst = std::max(worst, std::abs(K[i * m + j] - expected) / std::sqrt(own[i] * others[j]));
      }
    }
    CHECK_AT_MOST(worst, bound<T>(kind), kNames[static_cast<int>(kind)] + (" " + isa));
    const EmpiricalKernel<T> again = problem.kernel(isa, 3);
    CHECK(dense<T>(again, 3, isa)[0] == K);
    const double largest = *std::max_element(own.begin(), own.end());
    CHECK_AT_MOST(std::abs(kernel.largest_diagonal() /
                               std::max(largest, *std::max_element(others.begin(), others.end())) -
                           1),
                  1e-6, isa);
    if (!problem.symmetric())
      continue;
    std::vector<T> diagonal(n);
    kernel.diagonal(diagonal.data());
    for (long i = 0; i < n; ++i) {
      CHECK_AT_MOST(std::abs(diagonal[i] - own[i]), own[i] * bound<T>(Kind::kBell), isa);
      CHECK(diagonal[i] == K[i * n + i]);
      for (long j = 0; j < i; ++j) {
        if (K[i * n + j] != K[j * n + i])
          fail(__FILE__, __LINE__, "not symmetric at ", i, ", ", j, ": ", isa);
      }
    }
  }
}

template <class T>
void shapes() {
  for (const Kind kind : {Kind::kBell, Kind::kSparse, Kind::kNear, Kind::kSizes, Kind::kOneHot,
                          Kind::kConstant, Kind::kOutliers}) {
    check<T>(kind, {70, 0, 1, {5, 200, 300}});
    check<T>(kind, {40, 33, 3, {40, 150, 129}});
  }
  // Lengths of blocks of columns, edges of tiles and panels.
  check<T>(Kind::kBell, {1, 0, 1, {1, 1, 1}});
  check<T>(Kind::kBell, {17, 0, 1, {3, 512, 513}});
  check<T>(Kind::kBell, {1, 300, 1, {3, 128, 640}});
  check<T>(Kind::kSparse, {257, 0, 1, {10, 130, 1100}});
  check<T>(Kind::kSparse, {600, 255, 1, {10, 130, 64}});
  check<T>(Kind::kBell, {300, 0, 2, {10, 140, 30}});
  check<T>(Kind::kBell, {61, 0, 10, {10, 140, 150}});
  check<T>(Kind::kBell, {31, 16, 17, {10, 140, 150}});
}

// Rows whose fixed point would lose too much take the other product, and only their map's.
void fallback() {
  const Shape shape{40, 0, 1, {5, 200, 300}};
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    Problem<float> problem(Kind::kBell, shape, 3);
    const bool unit = isa == "amx";
    const Product best = unit ? Product::kSlices : Product::kFloat;
    CHECK(problem.kernel(isa, 2).route()[1].signals == best);
    problem.arrays[5][3] = 1e5f;  // a signal of map 1
    const EmpiricalKernel<float> kernel = problem.kernel(isa, 2);
    CHECK(kernel.route()[1].signals == Product::kFloat);
    CHECK(kernel.route()[1].activations == best);
    CHECK(!kernel.route()[0].activations.has_value());
    // Three products in digits are 117 KiB, one in numbers is 75: what was tried first, 45 KiB more, is
    // not kept.
    CHECK_AT_MOST(static_cast<double>(kernel.bytes()), (unit ? 205.0 : 260.0) * 1024, isa);
    const double largest = problem.entry(problem.side(false), 0, problem.side(false), 0);
    CHECK_AT_MOST(std::abs(dense<float>(kernel, 2, isa)[0][0] / largest - 1), 1e-6, isa);
  }
}

// What is not a number stays in its own row and column.
void not_a_number() {
  const Shape shape{300, 0, 1, {5, 200, 300}};
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    for (const float bad : {NAN, INFINITY}) {
      Problem<float> problem(Kind::kBell, shape, 3);
      problem.arrays[4][12 * 200 + 3] = bad;
      const auto K = dense<float>(problem.kernel(isa, 2), 2, isa)[0];
      for (long i = 0; i < 300; ++i) {
        CHECK(!std::isfinite(K[12 * 300 + i]));
        CHECK(!std::isfinite(K[i * 300 + 12]));
        CHECK(i == 12 || std::isfinite(K[i * 300 + 280]));
      }
    }
  }
}

void bad_arguments() {
  const Problem<float> problem(Kind::kBell, {4, 3, 2, {5, 6, 7}}, 1);
  const auto rows = problem.side(false), cols = problem.side(true);
  const auto make = [&](auto rows, auto cols, auto factors, long outputs) {
    return std::make_unique<EmpiricalKernel<float>>(4, rows, 3, cols, factors, outputs, "portable",
                                                    1);
  };
  CHECK(make(rows, cols, problem.factors, 2) != nullptr);
  CHECK_THROWS(std::invalid_argument, make(rows, cols, std::vector<MapFactors>{}, 2));
  CHECK_THROWS(std::invalid_argument, make(rows, cols, problem.factors, 3));
  CHECK_THROWS(std::invalid_argument, make(rows, cols, problem.factors, 0));
  auto factors = problem.factors;
  factors[0].alpha = 1;  // without activations
  CHECK_THROWS(std::invalid_argument, make(rows, cols, factors, 2));
  auto narrow = cols;
  narrow[1].activations.columns = 5;
  CHECK_THROWS(std::invalid_argument, make(rows, narrow, problem.factors, 2));
  narrow = cols;
  narrow[1].signals.data = nullptr;
  CHECK_THROWS(std::invalid_argument, make(rows, narrow, problem.factors, 2));
}

}  // namespace

int main() {
  shapes<float>();
  shapes<double>();
  fallback();
  not_a_number();
  bad_arguments();
  return test::summary();
}
