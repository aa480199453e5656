// SPDX-License-Identifier: Apache-2.0
// Few rows by a large matrix against double (long double for doubles), on every instruction set.
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"
#include "cpu/isa/engine.h"
#include "cpu/skinny_product.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::cpu::multiply_skinny;
using fastntk::cpu::SkinnyProduct;

template <class T>
void check(long rows, long cols, long inner) {
  Random random(static_cast<std::uint64_t>(rows + cols + inner));
  std::vector<T> A(rows * inner), B(cols * inner), turned(cols * inner);
  for (T& value : A)
    value = static_cast<T>(random.bell());
  for (long j = 0; j < cols; ++j) {
    for (long k = 0; k < inner; ++k)
      B[j * inner + k] = turned[k * cols + j] = static_cast<T>(random.bell());
  }
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    for (const bool transposed : {false, true}) {
      const T* right = transposed ? turned.data() : B.data();
      std::vector<T> C(rows * cols, T(NAN)), again(C);
      multiply_skinny<T>({A.data(), right, C.data(), rows, cols, inner}, transposed, isa, 1);
      multiply_skinny<T>({A.data(), right, again.data(), rows, cols, inner}, transposed, isa, 3);
      CHECK(C == again);
      double worst = 0;
      for (long i = 0; i < rows; ++i) {
        for (long j = 0; j < cols; j += 1 + cols / 40) {
          long double sum = 0, a = 0, b = 0;
          for (long k = 0; k < inner; ++k) {
            const long double x = A[i * inner + k], y = B[j * inner + k];
            sum += x * y;
            a += x * x;
            b += y * y;
          }
          const long double error = std::abs(C[i * cols + j] - sum) / std::sqrt(a * b);
          worst = std::max(worst, static_cast<double>(error));
        }
      }
      // Measured 7e-8 and 1.2e-16, most of it the result's own rounding.
      CHECK_AT_MOST(worst, sizeof(T) == sizeof(float) ? 2e-7 : 4e-16, isa);
    }
  }
}

template <class T>
void shapes() {
  for (const long rows : {1L, 2L, 3L, 4L, 5L, 64L}) {
    for (const long cols : {1L, 3L, 16L, 67L, 259L})
      check<T>(rows, cols, 37);
    for (const long inner : {1L, 7L, 256L, 520L, 1029L})
      check<T>(rows, 21, inner);
  }
}

}  // namespace

int main() {
  shapes<float>();
  shapes<double>();
  const float one = 1;
  float to = 0;
  const auto multiply = [&](long rows, long cols) {
    multiply_skinny<float>({&one, &one, &to, rows, cols, 1}, false, "portable", 1);
  };
  CHECK_THROWS(std::invalid_argument, multiply(0, 1));
  CHECK_THROWS(std::invalid_argument, multiply(65, 1));
  CHECK_THROWS(std::invalid_argument, multiply(1, 0));
  return test::summary();
}
