// SPDX-License-Identifier: Apache-2.0
// Products of matrices with vectors: exact on integers, the same bits for every number of threads.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "check.h"
#include "cpu/stored_sources.h"
#include "formula_source.h"
#include "gram.h"
#include "product_error.h"
#include "rows.h"

namespace {

using namespace test;

// Entries have 10 bits and vectors 3, so that the 256 products of a tile add up to less than 2^24:
// every order of additions, in float too, gives the same number.
template <class T, class V>
void check_integers(long rows, long cols, bool symmetric, long k) {
  const FormulaSource<T> source(rows, cols, symmetric);
  std::vector<V> v(cols * k);
  for (std::size_t c = 0; c < v.size(); ++c)
    v[c] = static_cast<V>(static_cast<long>(c * 29 % 15) - 7);
  std::vector<double> expected(rows * k, 0.0);
  for (long i = 0; i < rows; ++i) {
    for (long j = 0; j < cols; ++j) {
      const double entry = source.entry(i, j);
      for (long c = 0; c < k; ++c)
        expected[i * k + c] += entry * v[j * k + c];
    }
  }
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    for (const int threads : {1, 2, 3})
      CHECK(times(source, v, k, isa, threads) == expected);
  }
}

template <class T, class V>
void integers() {
  for (const long n : {1, 31, 256, 257, 600}) {
    for (const long k : {1, 5, 33})
      check_integers<T, V>(n, n, true, k);
  }
  for (const long k : {3, 64}) {
    check_integers<T, V>(1, 300, false, k);
    check_integers<T, V>(300, 1, false, k);
    check_integers<T, V>(257, 513, false, k);
    check_integers<T, V>(520, 255, false, k);
  }
}

// A kernel that is never stored, its packed triangle and the whole matrix.
template <class T, class V>
void kernels() {
  constexpr long kRows = 777, kVectors = 19, kStride = 25;
  const Rows rows({fastntk::SampleType::kUint8, false, false}, kRows, 60, 1);
  const Network net = network(2, 0.1);
  Random random(2);
  std::vector<V> v(kRows * kVectors);
  for (V& value : v)
    value = static_cast<V>(random.bell());
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    const LimitingKernel<T> lazy(rows.view(0, kRows), nullptr, 1.0 / 255, net, {ntk_shares(net)},
                                 isa, 2);
    const fastntk::cpu::PackedTriangle<T> packed(lazy, 2, nullptr);
    const std::vector<T> whole = dense<T>(lazy, 2)[0];
    const fastntk::cpu::DenseMatrix<T> stored(whole.data(), kRows);
    // Sums within a tile are formed in V, 256 products: their roundings, relative to the sum of
    // absolute values, add up like a random walk of 16 steps; times three for bad luck.
    const double bound = 3 * 16 * std::numeric_limits<V>::epsilon() / 2;
    const TileSource<T>* sources[] = {&lazy, &packed, &stored};
    for (const TileSource<T>* source : sources) {
      const std::vector<double> y = times(*source, v, kVectors, isa, 1);
      CHECK(times(*source, v, kVectors, isa, 2) == y);
      CHECK(times(*source, v, kVectors, isa, 3) == y);
      CHECK_AT_MOST(product_error(whole, v, y, kRows, kRows, kVectors, kStride), bound, isa);
    }
  }
}

void failures_reach_the_caller() {
  const std::vector<float> v(300 * 4, 1.0f);
  const std::string isa = fastntk::cpu::selected_isa();
  CHECK_THROWS(std::invalid_argument, times(FormulaSource<float>(300, 300, true, 2), v, 4, isa, 1));
  const FormulaSource<float> source(300, 300, true);
  std::vector<double> y(300 * 4);
  CHECK_THROWS(std::logic_error,
               fastntk::cpu::multiply(source, v.data(), y.data(), 4,
                                      fastntk::cpu::engine<float>(isa), 2,
                                      [](long, long) { throw std::logic_error("interrupted"); }));
}

}  // namespace

int main() {
  integers<float, float>();
  integers<float, double>();
  integers<double, double>();
  kernels<float, float>();
  kernels<float, double>();
  kernels<double, double>();
  failures_reach_the_caller();
  return test::summary();
}
