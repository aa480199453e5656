// SPDX-License-Identifier: Apache-2.0
// What the recursion works on at once: two rows by two vectors of columns, held in registers. Four
// independent chains hide the latency of their own steps, and row and column scalars are loaded
// once for two of them.
#pragma once

#include "cpu/isa/pack.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kUnitRows = 2;
constexpr int kUnitVectors = 2;
constexpr int kUnit = kUnitRows * kUnitVectors;

template <class T>
constexpr int kUnitColumns = kUnitVectors * Pack<T>::kLanes;

// f(u, r, c): vector u of the unit lies in its row r and column vector c.
template <class F>
FASTNTK_HD void for_unit(F f) {
  FASTNTK_UNROLL
  for (int u = 0; u < kUnit; ++u)
    f(u, u / kUnitVectors, u % kUnitVectors);
}

}  // namespace fastntk::cpu::FASTNTK_ISA
