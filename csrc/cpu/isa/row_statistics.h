// SPDX-License-Identifier: Apache-2.0
// What is to be known of a row before it is packed.
#pragma once

#include "common/row_scale.h"
#include "cpu/isa/pack.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
FASTNTK_HD double largest_of(const T* row, long columns) {
  using V = Pack<T>;
  V largest[2] = {V(T(0)), V(T(0))};
  long k = 0;
  for (; k + 2 * V::kLanes <= columns; k += 2 * V::kLanes) {
    FASTNTK_UNROLL
    for (int j = 0; j < 2; ++j) {
      const V value = V::load(row + k + j * V::kLanes);
      largest[j] = maximum(largest[j], maximum(value, V(T(0)) - value));
    }
  }
  T most = 0;
  FASTNTK_UNROLL
  for (int lane = 0; lane < V::kLanes; ++lane) {
    const T a = largest[0].v[lane], b = largest[1].v[lane];
    most = a > most ? a : most;
    most = b > most ? b : most;
  }
  for (; k < columns; ++k) {
    const T size = row[k] < 0 ? -row[k] : row[k];
    most = size > most ? size : most;
  }
  return static_cast<double>(most);
}

// |row / scale|^2 in double, by lanes.
template <class T>
FASTNTK_HD double scaled_norm(const T* row, long columns, double scale) {
  const F64 inverse(1 / scale);
  F64 sums[2] = {F64(0.0), F64(0.0)};
  long k = 0;
  for (; k + 2 * F64::kLanes <= columns; k += 2 * F64::kLanes) {
    FASTNTK_UNROLL
    for (int j = 0; j < 2; ++j) {
      const F64 value = F64::convert(row + k + j * F64::kLanes) * inverse;
      sums[j] = mul_add(value, value, sums[j]);
    }
  }
  double sum = 0;
  FASTNTK_UNROLL
  for (int lane = 0; lane < F64::kLanes; ++lane)
    sum += sums[0].v[lane] + sums[1].v[lane];
  for (; k < columns; ++k) {
    const double value = static_cast<double>(row[k]) * (1 / scale);
    sum += value * value;
  }
  return sum;
}

// Of products of digits: 2^-22 of either side, and the 2^8 that their sums lack.
constexpr double kDigitFactor = 1.0 / (1 << 18);

// A power of two whose inverse T has; 1 for a row with a number that is none.
template <class T>
FASTNTK_HD double scale_of(double largest, Product product) {
  constexpr double kSmallest = std::numeric_limits<T>::min();
  if (!(largest <= std::numeric_limits<T>::max()))
    return 1;
  const double scale =
      product == Product::kSlices ? fixed_point_scale(largest) : power_below(largest);
  return scale < kSmallest ? kSmallest : scale;
}

}  // namespace fastntk::cpu::FASTNTK_ISA
