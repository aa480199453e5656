// SPDX-License-Identifier: Apache-2.0
// The body of every instruction set's translation unit: its two engines.
#pragma once

#include "cpu/isa/limiting_tile.h"
#include "cpu/isa/tile_times.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
const Engine<T>& engine() {
  constexpr ProductShape kInteger{kLeftRows, kRightRows<float>, kIntegerGroup, kRightOffset};
  constexpr ProductShape kFloat{kLeftRows, kRightRows<float>, 1, 0};
  constexpr ProductShape kDouble{kLeftRows, kRightRows<double>, 1, 0};
  static const Engine<T> kEngine{{kInteger, kDouble, kFloat, kDouble},
                                 sizeof(StripScratch<T>),
                                 limiting_tile<T>,
                                 tile_times<T>,
                                 widen<T>,
                                 Pack<T>::kLanes};
  return kEngine;
}

template const Engine<float>& engine<float>();
template const Engine<double>& engine<double>();

}  // namespace fastntk::cpu::FASTNTK_ISA
