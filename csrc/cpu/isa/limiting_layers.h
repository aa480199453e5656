// SPDX-License-Identifier: Apache-2.0
// See Engine::limiting_layers.
#pragma once

#include "cpu/isa/layers.h"
#include "cpu/isa/table.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
FASTNTK_HD void read_table(const DepthTable<T>& table, Unit<T>& unit) {
  for_unit([&](int u, int, int) {
    unit.t[u] =
        table.obtuse ? table_value<true>(table, unit.x[u]) : table_value<false>(table, unit.x[u]);
  });
}

template <class T>
void limiting_layers(const LayersOfTile<T>& tile, T* cells) {
  using V = Pack<T>;
  const auto shares_of = [&](std::size_t l) { return broadcast(tile.shares[l]); };
  for (long i = 0; i < kTile; i += kUnitRows) {
    for (long j = 0; j < kTile; j += kUnitColumns<T>) {
      T* const corner = cells + i * kTile + j;
      const auto at = [&](int r, int c) { return corner + r * kTile + c * V::kLanes; };
      Unit<T> unit;
      unit.row = i;
      unit.col = j;
      for_unit([&](int u, int r, int c) { unit.x[u] = V::load(at(r, c)); });
      if (tile.table != nullptr)
        read_table(*tile.table, unit);
      else
        run_layers(*tile.layers, *tile.rows, *tile.cols, shares_of, unit);
      for_unit([&](int u, int r, int c) { unit.t[u].store(at(r, c)); });
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
