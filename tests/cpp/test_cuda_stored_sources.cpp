// SPDX-License-Identifier: Apache-2.0
// Matrices in the memory of an emulated GPU: written out, packed, multiplied with vectors.
#include <cmath>
#include <string>

#include "check.h"
#include "cuda/stored_sources.h"
#include "emulated_gpu.h"
#include "product_error.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::cuda::DenseBlock;
using fastntk::cuda::DenseMatrix;
using fastntk::cuda::PackedTriangle;
using fastntk::cuda::TileSource;

// Entries of all sizes and signs down to 1e-3, symmetric.
template <class T>
std::vector<T> matrix(long n) {
  Random random(static_cast<std::uint64_t>(n));
  std::vector<T> K(n * n);
  for (long i = 0; i < n; ++i) {
    for (long j = i; j < n; ++j)
      K[i * n + j] = K[j * n + i] =
          static_cast<T>(random.bell() * std::pow(10, -3 * random.uniform()));
  }
  return K;
}

template <class T>
std::vector<T> dense(const TileSource<T>& source) {
  std::vector<T> all(source.rows() * source.cols(), T(NAN));
  source.write_dense({all.data()}, gpu());
  return all;
}

template <class T, class V>
std::vector<double> times(const TileSource<T>& source, const std::vector<V>& v, long k) {
  std::vector<double> y(source.rows() * k, NAN);
  source.multiply(v.data(), y.data(), k, gpu());
  return y;
}

// Of a product with vectors, relative to the sum of magnitudes. Floats: each of two factors loses up
// to 2^-22, as does leaving out the product of their low halves, 7.2e-7 of a product; and the sums of
// a tile are rounded. Doubles: those of 64 doubles, and the unit of the fixed point.
template <class T, class V>
constexpr double kProductError = sizeof(T) == 4 && sizeof(V) == 4 ? 1e-6 : 1e-14;

template <class T, class V>
void check_products(const TileSource<T>& source, const std::vector<T>& K, long k) {
  const long rows = source.rows(), cols = source.cols();
  Random random(static_cast<std::uint64_t>(k));
  std::vector<V> v(cols * k);
  // Columns of very different sizes.
  for (long at = 0; at < cols * k; ++at)
    v[at] = static_cast<V>(random.bell() * std::pow(10, at % k % 5 * 4 - 8));
  const std::vector<double> y = times(source, v, k);
  const std::string what = std::to_string(rows) + " rows, " + std::to_string(cols) + " columns, " +
                           std::to_string(k) + " vectors";
  CHECK_AT_MOST(product_error(K, v, y, rows, cols, k), (kProductError<T, V>), what);
  in_every_order([&] { CHECK(times(source, v, k) == y); });
}

template <class T>
void stored_matrices() {
  for (const long n : {1, 31, 33, 64, 127, 129, 300}) {
    const std::vector<T> K = matrix<T>(n);
    double largest = 0;
    for (const T value : K)
      largest = std::max(largest, std::abs(static_cast<double>(value)));
    const DenseMatrix<T> view(K.data(), n, largest);
    const PackedTriangle<T> packed(view, largest, gpu());
    const PackedTriangle<T> again(packed, largest, gpu());
    CHECK_EQUAL(view.bytes(), n * n * sizeof(T));
    const long blocks = (n + 127) / 128;
    CHECK_EQUAL(packed.bytes(), (blocks * (blocks + 1) / 2 * 128 * 128 + n) * sizeof(T));
    CHECK(dense<T>(again) == K);
    for (const TileSource<T>* source :
         {static_cast<const TileSource<T>*>(&view), static_cast<const TileSource<T>*>(&packed)}) {
      CHECK(dense(*source) == K);
      in_every_order([&] { CHECK(dense(*source) == K); });
      std::vector<T> diagonal(n);
      source->diagonal(diagonal.data(), gpu());
      for (long i = 0; i < n; ++i)
        CHECK_EQUAL(diagonal[i], K[i * n + i]);
      for (const long k : {1, 17, 64}) {
        check_products<T, float>(*source, K, k);
        check_products<T, double>(*source, K, k);
      }
    }
  }
}

template <class T>
double largest_of(const std::vector<T>& K) {
  double largest = 0;
  for (const T value : K)
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

// Matrices that are not symmetric, taller than wide and wider than tall.
template <class T>
void blocks() {
  struct {
    long rows, cols;
  } constexpr kShapes[] = {{1, 300}, {300, 1}, {129, 63}, {31, 129}};
  for (const auto [rows, cols] : kShapes) {
    Random random(static_cast<std::uint64_t>(rows + cols));
    std::vector<T> K(rows * cols);
    for (T& value : K)
      value = static_cast<T>(random.bell());
    const DenseBlock<T> block(K.data(), rows, cols, largest_of(K));
    CHECK(!block.symmetric());
    CHECK_EQUAL(block.bytes(), rows * cols * sizeof(T));
    in_every_order([&] { CHECK(dense(block) == K); });
    check_products<T, float>(block, K, 17);
    check_products<T, double>(block, K, 17);
    T entry;
    CHECK_THROWS(std::invalid_argument, block.diagonal(&entry, gpu()));
    CHECK_THROWS(std::invalid_argument, block.write_packed(&entry, gpu()));
  }
}

// Rows of a matrix, in blocks of any height, have the products that they have within the whole, to
// the bit.
template <class T>
void blocks_of_rows() {
  const long n = 300, k = 5;
  const std::vector<T> K = matrix<T>(n);
  const double largest = largest_of(K);
  Random random(1);
  std::vector<double> v(n * k);
  for (double& value : v)
    value = random.bell();
  const std::vector<double> whole = times(DenseBlock<T>(K.data(), n, n, largest), v, k);
  for (const long height : {1, 100, 128, 256}) {
    std::vector<double> y(n * k, NAN);
    for (long i = 0; i < n; i += height) {
      const DenseBlock<T> block(K.data() + i * n, std::min(height, n - i), n, largest);
      block.multiply(v.data(), y.data() + i * k, k, gpu());
    }
    CHECK(y == whole);
  }
}

}  // namespace

int main() {
  stored_matrices<float>();
  stored_matrices<double>();
  blocks<float>();
  blocks<double>();
  blocks_of_rows<float>();
  blocks_of_rows<double>();
  return test::summary();
}
