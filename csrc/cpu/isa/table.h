// SPDX-License-Identifier: Apache-2.0
// Reading a depth table: a polynomial whose coefficients are picked by the nearest piece.
#pragma once

#include <type_traits>

#include "common/angle.h"
#include "common/depth_table.h"
#include "cpu/isa/pack.h"

namespace fastntk::cpu::FASTNTK_ISA {

// Adding it rounds to an integer that the low bits of the sum then hold: 1.5 * 2^23, 1.5 * 2^52.
template <class T>
constexpr T kRounding = sizeof(T) == sizeof(float) ? T(12582912) : T(6755399441055744);

#if defined(__AVX512F__)
// The permutations read the five or four lowest bits of their index.
FASTNTK_HD F32 pick(const float* pieces, F32 index) {
  return _mm512_permutex2var_ps(_mm512_load_ps(pieces), _mm512_castps_si512(index.v),
                                _mm512_load_ps(pieces + 16));
}
FASTNTK_HD F64 pick(const double* pieces, F64 index) {
  return _mm512_permutex2var_pd(_mm512_load_pd(pieces), _mm512_castpd_si512(index.v),
                                _mm512_load_pd(pieces + 8));
}
#else
template <class T>
FASTNTK_HD Pack<T> pick(const T* pieces, Pack<T> index) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  Bits bits[Pack<T>::kLanes];
  std::memcpy(bits, &index.v, sizeof bits);
  T picked[Pack<T>::kLanes];
  for (int lane = 0; lane < Pack<T>::kLanes; ++lane)
    picked[lane] = pieces[bits[lane] % DepthTable<T>::kPieces];
  return Pack<T>::load(picked);
}
#endif

// Theta / sqrt(q q') from the first deficit, folded if the table has two branches.
template <bool kTwoBranches, class T>
FASTNTK_HD Pack<T> table_value(const DepthTable<T>& table, Pack<T> x) {
  using V = Pack<T>;
  const V zero(T(0)), rounding(kRounding<T>), per_unit(DepthTable<T>::kPiecesPerUnit);
  const auto obtuse = less(x, zero);
  const V s = square_root(kTwoBranches ? select(obtuse, negated(x), x) : x);
  const V index = mul_add(s, per_unit, rounding);
  const V offset = mul_add(s, per_unit, rounding - index);
  const auto coefficient = [&](int k) {
    const V acute = pick(table.acute.coefficients[k], index);
    if constexpr (kTwoBranches)
      return select(obtuse, pick(table.obtuse->coefficients[k], index), acute);
    else
      return acute;
  };
  V sum = coefficient(DepthTable<T>::kDegree);
  FASTNTK_UNROLL
  for (int k = DepthTable<T>::kDegree - 1; k >= 0; --k)
    sum = mul_add(sum, offset, coefficient(k));
  return sum;
}

}  // namespace fastntk::cpu::FASTNTK_ISA
