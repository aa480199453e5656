// SPDX-License-Identifier: Apache-2.0
// How far a product with vectors is from the exact one.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace test {

// Largest difference of y [n, k] from K v, relative to the sum of magnitudes: K [n, m], v [m, k], over
// every `stride`-th row to the last.
template <class T, class V>
double product_error(const std::vector<T>& K, const std::vector<V>& v, const std::vector<double>& y,
                     long n, long m, long k, long stride = 1) {
  long double worst = 0;
  for (long i = (n - 1) % stride; i < n; i += stride) {
    for (long c = 0; c < k; ++c) {
      long double sum = 0, magnitude = 0;
      for (long j = 0; j < m; ++j) {
        const long double product = static_cast<long double>(K[i * m + j]) * v[j * k + c];
        sum += product;
        magnitude += std::abs(product);
      }
      const long double difference = std::abs(y[i * k + c] - sum);
      worst = std::max(worst, magnitude > 0 ? difference / magnitude : difference);
    }
  }
  return static_cast<double>(worst);
}

}  // namespace test
