// SPDX-License-Identifier: Apache-2.0
// What series in the logarithm of a row's variance need of it.
#pragma once

#include "common/jet.h"
#include "common/wide_double.h"

namespace fastntk {

FASTNTK_HD double logarithm(double a) { return log(a); }
inline Extended logarithm(Extended a) { return std::log(a); }

// To the digits of a double; the root keeps numbers in a double's range.
FASTNTK_HD WideDouble logarithm(WideDouble a) {
  return 2 * log(static_cast<double>(square_root(a)));
}

template <class V, int N>
FASTNTK_HD Jet<V, N> logarithm(Jet<V, N> a) {
  return Jet<V, N>::of(logarithm(a.value), [&](int i) { return a.by[i] / a.value; });
}

FASTNTK_HD bool is_positive(double a) { return a > 0; }
inline bool is_positive(Extended a) { return a > 0; }
FASTNTK_HD bool is_positive(WideDouble a) { return a > WideDouble(0.0); }
template <class V, int N>
FASTNTK_HD bool is_positive(Jet<V, N> a) {
  return is_positive(a.value);
}

}  // namespace fastntk
