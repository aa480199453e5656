// SPDX-License-Identifier: Apache-2.0
// A square block of numbers transposed in registers.
#pragma once

#include <type_traits>
#include <utility>

#include "cpu/isa/pack.h"
#include "cpu/tile.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
using LaneIndex = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

// Lane l of the result is lane kIndex[l] of a followed by b.
template <long... kIndex, class T>
FASTNTK_HD Pack<T> shuffle(Pack<T> a, Pack<T> b) {
#if defined(__clang__)
  return __builtin_shufflevector(a.v, b.v, kIndex...);
#else
  typedef LaneIndex<T> Indices __attribute__((vector_size(kVectorBytes)));
  return __builtin_shuffle(a.v, b.v, Indices{kIndex...});
#endif
}

// Exchanges the upper lanes of a, by bit kBit of the lane, for the lower ones of b.
template <long kBit, class T, long... kLane>
FASTNTK_HD void exchange(Pack<T>& a, Pack<T>& b, std::integer_sequence<long, kLane...>) {
  constexpr long kLanes = Pack<T>::kLanes;
  const Pack<T> lower = shuffle<(kLane & kBit ? kLanes + kLane - kBit : kLane)...>(a, b);
  b = shuffle<(kLane & kBit ? kLanes + kLane : kLane + kBit)...>(a, b);
  a = lower;
}

template <long kBit, class T>
FASTNTK_HD void exchange_all(Pack<T> (&rows)[Pack<T>::kLanes]) {
  constexpr long kLanes = Pack<T>::kLanes;
  FASTNTK_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if ((i & kBit) == 0)
      exchange<kBit>(rows[i], rows[i + kBit], std::make_integer_sequence<long, kLanes>());
  }
  if constexpr (kBit > 1)
    exchange_all<kBit / 2>(rows);
}

template <class T>
FASTNTK_HD void transpose(Pack<T> (&rows)[Pack<T>::kLanes]) {
  exchange_all<Pack<T>::kLanes / 2>(rows);
}

// A block of as many rows as lanes: to[k, r] = from[r, k], rows a tile's edge apart on both sides.
template <class T>
FASTNTK_HD void copy_transposed(const T* from, T* to) {
  Pack<T> block[Pack<T>::kLanes];
  FASTNTK_UNROLL
  for (int k = 0; k < Pack<T>::kLanes; ++k)
    block[k] = Pack<T>::load(from + k * kTile);
  transpose(block);
  FASTNTK_UNROLL
  for (int k = 0; k < Pack<T>::kLanes; ++k)
    block[k].store(to + k * kTile);
}

}  // namespace fastntk::cpu::FASTNTK_ISA
