// SPDX-License-Identifier: Apache-2.0
// A packed triangle and a view of a whole matrix deliver what they were made from.
#include <stdexcept>

#include "check.h"
#include "cpu/stored_sources.h"
#include "formula_source.h"
#include "gram.h"

namespace {

using namespace test;
using fastntk::cpu::DenseMatrix;
using fastntk::cpu::kTileArea;
using fastntk::cpu::PackedTriangle;

template <class T>
std::vector<T> diagonal_of(const TileSource<T>& source) {
  std::vector<T> diagonal(source.rows());
  source.diagonal(diagonal.data());
  return diagonal;
}

template <class T>
void check_same(const TileSource<T>& stored, const FormulaSource<T>& source) {
  CHECK(stored.symmetric());
  CHECK_EQUAL(stored.rows(), source.rows());
  CHECK_EQUAL(stored.cols(), source.cols());
  CHECK(dense<T>(stored, 2) == dense<T>(source, 1));
  CHECK(diagonal_of(stored) == diagonal_of<T>(source));
}

template <class T>
void stored_matrices() {
  for (const long n : {1, 2, 255, 256, 257, 600, 1030}) {
    const FormulaSource<T> source(n, n, true);
    const std::vector<T> whole = dense<T>(source, 1)[0];
    const DenseMatrix<T> view(whole.data(), n);
    check_same(view, source);
    CHECK_EQUAL(view.bytes(), n * n * sizeof(T));
    for (const int threads : {1, 2, 3}) {
      const PackedTriangle<T> packed(source, threads, nullptr);
      check_same(packed, source);
      const long blocks = (n + 255) / 256;
      CHECK_EQUAL(packed.bytes(), blocks * (blocks + 1) / 2 * kTileArea * sizeof(T));
    }
    // What holds its own tiles can be packed too.
    check_same(PackedTriangle<T>(view, 2, nullptr), source);
    const PackedTriangle<T> packed(source, 1, nullptr);
    check_same(PackedTriangle<T>(packed, 2, nullptr), source);
  }
}

void what_cannot_be_packed() {
  CHECK_THROWS(std::invalid_argument,
               PackedTriangle<float>(FormulaSource<float>(300, 300, false), 1, nullptr));
  CHECK_THROWS(std::invalid_argument,
               PackedTriangle<float>(FormulaSource<float>(300, 300, true, 2), 1, nullptr));
  const auto interrupt = [](long, long) { throw std::logic_error("interrupted"); };
  CHECK_THROWS(std::logic_error,
               PackedTriangle<float>(FormulaSource<float>(300, 300, true), 2, interrupt));
}

}  // namespace

int main() {
  stored_matrices<float>();
  stored_matrices<double>();
  what_cannot_be_packed();
  return test::summary();
}
