// SPDX-License-Identifier: Apache-2.0
// A B^T and A B of floats by a matrix unit: rows of A and rows (or columns) of B as 24-bit fixed
// point, multiplied exactly. An entry errs by at most 9.4e-7 of |a| |b|, and 3 + n / 512 roundings of
// 2^-24 for n products; Gaussian rows by 3e-8.
#pragma once

#include <string>

namespace fastntk::cpu {

struct FastProduct {
  const float* A;  // [rows, inner]
  const float* B;  // [cols, inner], or transposed: [inner, cols]
  float* to;       // [rows, cols]
  long rows, cols, inner;
  bool transposed;
};

// False if a row or a column has numbers so much larger than its others that fixed point would lose
// them, or is no number; `to` then has no meaning. Only where has_fast_product.
bool multiply_fast(const FastProduct& product, const std::string& isa, int threads);

bool has_fast_product(const std::string& isa);

}  // namespace fastntk::cpu
