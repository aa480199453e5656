// SPDX-License-Identifier: Apache-2.0
// From the deficits or products of a strip to kernel values in their places of a tile.
#pragma once

#include "cpu/isa/layers.h"
#include "cpu/isa/strip_deficits.h"
#include "cpu/isa/table.h"

namespace fastntk::cpu::FASTNTK_ISA {

// Theta = t sqrt(q q') of the strip's rows, into its place in the tile: deficit(i, j) gives x,
// evaluate(unit) leaves t.
template <class T, class Deficit, class Evaluate>
FASTNTK_HD void store_units(const LimitingPlan<T>& plan, const Strip& strip, T* tile,
                            Deficit deficit, Evaluate evaluate) {
  using V = Pack<T>;
  const T* row_scale = &plan.rows->table.scale[strip.row];
  const T* col_scale = &plan.cols->table.scale[strip.col];
  T* corner = tile + strip.row % kTile * kTile + strip.col % kTile;
  for (long i = 0; i < strip.count; i += kUnitRows) {
    for (int j = 0; j < kStripWidth; j += kUnitColumns<T>) {
      Unit<T> unit;
      unit.row = strip.row + i;
      unit.col = strip.col + j;
      for_unit([&](int u, int r, int c) { unit.x[u] = deficit(i + r, j + c * V::kLanes); });
      evaluate(unit);
      for_unit([&](int u, int r, int c) {
        const V scale = V(row_scale[i + r]) * V::load(col_scale + j + c * V::kLanes);
        (unit.t[u] * scale).store(corner + (i + r) * kTile + j + c * V::kLanes);
      });
    }
  }
}

template <class T, class Deficit>
FASTNTK_HD void store_kernel(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip,
                             T* tile, Deficit deficit) {
  if (plan.tables.empty()) {
    const std::vector<Shares<T>>& shares = plan.shares[output];
    const RowTable<T>&rows = plan.rows->table, &cols = plan.cols->table;
    if (plan.all_trained[output]) {
      return store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
        run_layers(plan.layers, rows, cols, [](std::size_t) { return AllTrained{}; }, unit);
      });
    }
    return store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
      run_layers(
          plan.layers, rows, cols, [&](std::size_t l) { return broadcast(shares[l]); }, unit);
    });
  }
  const DepthTable<T>& table = plan.tables[output];
  if (table.obtuse) {
    store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
      for_unit([&](int u, int, int) { unit.t[u] = table_value<true>(table, unit.x[u]); });
    });
  } else {
    store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
      for_unit([&](int u, int, int) { unit.t[u] = table_value<false>(table, unit.x[u]); });
    });
  }
}

// The kernel of a strip whose deficits are known.
template <class T>
void store_from_deficits(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip,
                         const T* x, T* tile) {
  store_kernel(plan, output, strip, tile,
               [=](long i, int j) { return Pack<T>::load(x + i * kStripWidth + j); });
}

// The same from products of integers; keeps the deficits, and returns the least.
template <class T>
T store_from_integers(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip,
                      const std::int32_t* dots, T* x, T* tile) {
  Deficits32<T> deficits = deficits32(plan, strip, dots);
  store_kernel(plan, output, strip, tile, [&](long i, int j) {
    const Pack<T> deficit = deficits.at(i, j);
    deficit.store(x + i * kStripWidth + j);
    return deficit;
  });
  return smallest_lane(deficits.least);
}

// Without hidden layers the kernel is affine in the inner product, and comes from it:
//   weights s x . x' + biases bias_std^2.
template <class T>
void store_linear(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip, long begin,
                  const StripProducts& products, T* tile) {
  const Shares<T>& shares = plan.shares[output][0];
  const double weights = shares.weights * plan.input.s;
  const double bias = shares.biases * plan.input.bias_std * plan.input.bias_std;
  for (long i = 0; i < strip.count; ++i) {
    const double left = weights * (plan.input.data_scale * plan.rows->row_scale[strip.row + i]);
    T* to = tile + ((strip.row + i) % kTile) * kTile + strip.col % kTile;
    for (int j = 0; j < kStripWidth; ++j) {
      const long cell = (begin + i) * kStripWidth + j;
      const double dot = plan.product == Product::kInteger
                             ? static_cast<double>(products.integers[0][cell])
                             : products.sums[cell];
      const double right = plan.input.data_scale * plan.cols->row_scale[strip.col + j];
      to[j] = static_cast<T>(left * right * dot + bias);
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
