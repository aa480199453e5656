// SPDX-License-Identifier: Apache-2.0
// A B^T and A B of few rows with a matrix larger than the caches, which is read once and never
// packed: what a step of training takes of a wide network's weights.
//
// Cost: the bytes of B; from about 12 rows on the multiply-adds take longer than reading them. Sums
// are those of blocks of at most 128 products: an entry errs by 7e-8 of |a| |b| in float, and by 2e-6
// for rows of equal numbers, whose roundings are alike.
#pragma once

#include <string>

namespace fastntk::cpu {

constexpr long kSkinnyRows = 64;

template <class T>
struct SkinnyProduct {
  const T* A;  // [rows, inner], at most kSkinnyRows
  const T* B;  // [cols, inner], or transposed: [inner, cols]
  T* to;       // [rows, cols]
  long rows, cols, inner;
};

template <class T>
void multiply_skinny(const SkinnyProduct<T>& product, bool transposed, const std::string& isa,
                     int threads);

}  // namespace fastntk::cpu
