// SPDX-License-Identifier: Apache-2.0
// The recursion over the layers, a unit at a time: x and t stay in registers from the first layer
// to the last. What is known of the angles, and equal or general mixing, are template parameters of
// a step; the layer's plan picks the step.
#pragma once

#include "common/layer.h"
#include "cpu/isa/exponentials.h"
#include "cpu/isa/pack_group.h"
#include "cpu/isa/unit.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
struct Unit {
  Pack<T> x[kUnit];
  Pack<T> t[kUnit];
  long row, col;
};

template <class T>
FASTNTK_HD Shares<Pack<T>> broadcast(const Shares<T>& shares) {
  return {Pack<T>(shares.weights), Pack<T>(shares.biases)};
}

template <class T>
FASTNTK_HD MixingScalars<Pack<T>> mixing_of_row(const LayerRows<T>& table, long i) {
  return {Pack<T>(table.w[i]), Pack<T>(table.v[i])};
}

template <class T>
FASTNTK_HD MixingScalars<Pack<T>> mixing_of_columns(const LayerRows<T>& table, long j) {
  return {Pack<T>::load(&table.w[j]), Pack<T>::load(&table.v[j])};
}

// The dual of the unit's vector u, in row r and column vector c.
template <int kLevel, class Act, class T>
FASTNTK_HD auto dual_of_pairs(const Act& act, const LayerRows<T>& rows, const LayerRows<T>& cols,
                              const Unit<T>& unit, int u, int r, int c) {
  using V = Pack<T>;
  constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
  V row_scalars[kScalars], col_scalars[kScalars];
  for_row_scalars(act, [&](int k) {
    row_scalars[k] = V(rows.scalars[k][unit.row + r]);
    col_scalars[k] = V::load(&cols.scalars[k][unit.col + c * V::kLanes]);
  });
  return act.template pair_step<kLevel>(unit.x[u], row_scalars, col_scalars);
}

// Broadcast: Shares or AllTrained, over the lanes.
template <class Act, int kLevel, bool kEqual, class T, class Broadcast>
FASTNTK_HD void layer_step(const Act& act, const LayerRows<T>& rows, const LayerRows<T>& cols,
                           const Broadcast& shares, Unit<T>& unit) {
  using V = Pack<T>;
  for_unit([&](int u, int r, int c) {
    const long i = unit.row + r, j = unit.col + c * V::kLanes;
    const auto dual = dual_of_pairs<kLevel>(act, rows, cols, unit, u, r, c);
    const AngleState<V> state =
        kEqual ? mix_equal(dual, unit.t[u], mixing_of_row(rows, unit.row), shares)
               : mix(dual, unit.t[u], mixing_of_row(rows, i), mixing_of_columns(cols, j), shares);
    unit.x[u] = state.x;
    unit.t[u] = state.t;
  });
}

template <class Act, int kLevel, class T, class Broadcast>
FASTNTK_HD void layer_step(const Act& act, bool equal, const LayerRows<T>& rows,
                           const LayerRows<T>& cols, const Broadcast& shares, Unit<T>& unit) {
  if (equal)
    layer_step<Act, kLevel, true>(act, rows, cols, shares, unit);
  else
    layer_step<Act, kLevel, false>(act, rows, cols, shares, unit);
}

// The scalars of a unit's rows, and of its columns, read where they lie: there may be many.
template <class T>
struct UnitRowScalars {
  const LayerRows<T>& table;
  long row;

  FASTNTK_HD PackGroup<T, kUnit> operator[](int k) const {
    const T* scalars = table.scalars[k].data() + row;
    return PackGroup<T, kUnit>::each([&](int u) { return Pack<T>(scalars[u / kUnitVectors]); });
  }
};
template <class T>
struct UnitColumnScalars {
  const LayerRows<T>& table;
  long col;

  FASTNTK_HD PackGroup<T, kUnit> operator[](int k) const {
    const T* scalars = table.scalars[k].data() + col;
    return PackGroup<T, kUnit>::each(
        [&](int u) { return Pack<T>::load(scalars + u % kUnitVectors * Pack<T>::kLanes); });
  }
};

// What serves every activation: deficits folded, before and after, rows unlike each other, and any
// shares.
template <class Act, bool kSkip, class T>
[[gnu::noinline]] void general_step(const Act& act, const LayerRows<T>& rows,
                                    const LayerRows<T>& cols, const Shares<Pack<T>>& shares,
                                    Unit<T>& unit) {
  using V = Pack<T>;
  // Sums over many terms go through the unit's packs together.
  constexpr bool kTogether = Act::kRowScalars == kMaxRowScalars;
  PairDual<PackGroup<T, kUnit>> duals;
  if constexpr (kTogether) {
    const auto x = PackGroup<T, kUnit>::each([&](int u) { return unit.x[u]; });
    duals = act.template pair_step<kFolded>(x, UnitRowScalars<T>{rows, unit.row},
                                            UnitColumnScalars<T>{cols, unit.col});
  }
  const auto dual_of = [&](int u, int r, int c) FASTNTK_INLINED {
    if constexpr (kTogether)
      return PairDual<V>{duals.deficit.of[u], duals.slope.of[u]};
    else
      return dual_of_pairs<kFolded>(act, rows, cols, unit, u, r, c);
  };
  // Written back together: no store stands between loads and sums that vectors share.
  AngleState<V> states[kUnit];
  for_unit([&](int u, int r, int c) FASTNTK_INLINED {
    const long i = unit.row + r, j = unit.col + c * V::kLanes;
    const auto dual = dual_of(u, r, c);
    const MixingScalars<V> own = mixing_of_row(rows, i), other = mixing_of_columns(cols, j);
    AngleState<V>& state = states[u];
    if constexpr (kSkip) {
      state = mix_with_skip(dual, AngleState<V>{unit.x[u], unit.t[u]}, own, other, V(rows.r[i]),
                            V::load(&cols.r[j]), shares);
    } else {
      state = mix_folded(dual, unit.t[u], own, other, shares);
    }
  });
  for_unit([&](int u, int, int) {
    unit.x[u] = states[u].x;
    unit.t[u] = states[u].t;
  });
}

// ReLU layers, which run most often, have variants: by what is known of the angles, for equal rows,
// and where all is trained.
template <class Act, class T, class Broadcast>
FASTNTK_HD void layer_step(const Act& act, const LayerPlan& plan, const LayerRows<T>& rows,
                           const LayerRows<T>& cols, const Broadcast& shares, Unit<T>& unit) {
  if (plan.skip)
    return general_step<Act, true>(act, rows, cols, as_shares<Pack<T>>(shares), unit);
  if constexpr (!Act::kUsesAngleLevels) {
    general_step<Act, false>(act, rows, cols, as_shares<Pack<T>>(shares), unit);
  } else {
#define FASTNTK_LEVEL(level)                                                                       \
  case level:                                                                                      \
    return layer_step<Act, level>(act, plan.equal, rows, cols, shares, unit);
    switch (plan.angle_level) {
      FASTNTK_LEVEL(kFolded)
      FASTNTK_LEVEL(kAcute)
      FASTNTK_LEVEL(kSecondLayer)
      FASTNTK_LEVEL(kThirdLayer)
    default:
      return layer_step<Act, kDeeper>(act, plan.equal, rows, cols, shares, unit);
    }
#undef FASTNTK_LEVEL
  }
}

// t of the last layer of one output, from x of the first. shares_of(l): those of linear map l.
template <class T, class SharesOf>
FASTNTK_HD void run_layers(const std::vector<LayerPlan>& layers, const RowTable<T>& rows,
                           const RowTable<T>& cols, SharesOf shares_of, Unit<T>& unit) {
  using V = Pack<T>;
  const auto first = shares_of(0);
  for_unit([&](int u, int r, int c) {
    unit.t[u] = first_layer(unfold(unit.x[u]), mixing_of_row(rows.first, unit.row + r),
                            mixing_of_columns(cols.first, unit.col + c * V::kLanes), first);
  });
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const LayerPlan& layer = layers[l];
    const LayerRows<T>& a = rows.layers[l];
    const LayerRows<T>& b = cols.layers[l];
    const auto shares = shares_of(l + 1);
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    layer_step(Type(layer.activation.numbers()), layer, a, b, shares, unit);                       \
    break;
    switch (layer.activation.kind) {
      FASTNTK_ACTIVATIONS(FASTNTK_CASE)
    default:
      break;
    }
#undef FASTNTK_CASE
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
