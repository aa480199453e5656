// SPDX-License-Identifier: Apache-2.0
// exp and expm1 of packs: the polynomial of common/exponentials.h, where its errors are stated.
#pragma once

#include "common/exponentials.h"
#include "cpu/isa/pack.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
FASTNTK_HD Pack<T> power_of_two(Pack<T> sum) {
  using Constants = ExponentialConstants<T>;
  return from_bits<T>((bits_of(sum) + Constants::kBias) << Constants::kMantissa);
}

template <class T>
FASTNTK_HD Exponentials<Pack<T>> exponentials(Pack<T> a) {
  return polynomial_exponentials(a);
}
template <class T>
FASTNTK_HD Pack<T> exponential(Pack<T> a) {
  return polynomial_exponentials(a).value;
}
template <class T>
FASTNTK_HD Pack<T> exponential_minus_one(Pack<T> a) {
  return polynomial_exponentials(a).minus_one;
}

}  // namespace fastntk::cpu::FASTNTK_ISA
