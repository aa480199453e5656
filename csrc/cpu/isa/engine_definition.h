// SPDX-License-Identifier: Apache-2.0
// The body of every instruction set's translation unit: its two engines.
#pragma once

#include "cpu/isa/empirical_tile.h"
#include "cpu/isa/limiting_tile.h"
#include "cpu/isa/pack_rows.h"
#include "cpu/isa/store_tile.h"
#include "cpu/isa/tile_times.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
const Engine<T>& engine() {
#if defined(__AMX_INT8__)
  // A left panel holds whole tile registers, rows of 64 bytes; a right one words of four bytes.
  constexpr ProductShape kInteger{kAmxEdge, kAmxEdge, 4, 0, kAmxEdge};
  constexpr ProductShape kSliced = kInteger;
  constexpr Product kFloatProduct = Product::kSlices;
#else
  constexpr ProductShape kInteger{kLeftRows, kRightRows<float>, kIntegerGroup, kRightOffset, 1};
  constexpr ProductShape kSliced{};
  constexpr Product kFloatProduct = Product::kFloat;
#endif
  constexpr ProductShape kFloat{kLeftRows, kRightRows<float>, 1, 0, 1};
  constexpr ProductShape kDouble{kLeftRows, kRightRows<double>, 1, 0, 1};
  static const Engine<T> kEngine{{kInteger, kDouble, kFloat, kSliced, kDouble},
                                 kFloatProduct,
                                 sizeof(TileScratch<T>),
                                 limiting_tile<T>,
                                 kRightRows<T>,
                                 pack_rows<T>,
                                 row_product<T>,
                                 sizeof(EmpiricalScratch<T>),
                                 empirical_tile<T>,
                                 tile_times<T>,
                                 widen<T>,
                                 Pack<T>::kLanes,
                                 store_tile<T>,
                                 store_transposed<T>};
  return kEngine;
}

template const Engine<float>& engine<float>();
template const Engine<double>& engine<double>();

}  // namespace fastntk::cpu::FASTNTK_ISA
