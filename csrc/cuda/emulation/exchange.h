// SPDX-License-Identifier: Apache-2.0
// What all warp-wide operations are made of: every lane lays its operands down, waits for the warp,
// and computes its own results from everybody's operands.
#pragma once

#include <new>
#include <type_traits>

#include "cuda/emulation/barriers.h"

namespace fastntk::cuda::emulation {

// read(all): all(lane) are the operands of that lane, if it is in the mask.
//
// A whole warp takes two areas in turns, and needs no second barrier: who writes an area for the
// operation after next has passed the next one's barrier, where all had done with reading. Lanes
// of a part of a warp would disagree on whose turn it is; they have an area of their own, which
// nobody leaves before all have read.
template <class Operands, class Read>
void exchange(unsigned mask, const Operands& mine, const Site& site, const Read& read) {
  static_assert(std::is_trivially_copyable_v<Operands> && sizeof(Operands) <= kOperandBytes &&
                alignof(Operands) <= 16);
  Thread& self = *current;
  Warp& warp = *self.warp;
  const bool whole = (mask & warp.present) == warp.present;
  const unsigned area = whole ? self.exchanges++ % 2 : 2;
  new (warp.operands[area][self.lane]) Operands(mine);
  self.block->wait_for_warp(self, mask, site);
  read([&warp, area](unsigned lane) -> const Operands& {
    return *std::launder(reinterpret_cast<const Operands*>(warp.operands[area][lane]));
  });
  if (!whole)
    self.block->wait_for_warp(self, mask, site);
}

}  // namespace fastntk::cuda::emulation
