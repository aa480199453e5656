// SPDX-License-Identifier: Apache-2.0
// The recursion over the layers with its derivatives: layers.h on jets. Fewer vectors at once, as
// each takes three registers, and fewer variants: long polynomials and general mixing serve everywhere.
#pragma once

#include "common/pair_gradient.h"
#include "cpu/isa/strip_deficits.h"

namespace fastntk::cpu::FASTNTK_ISA {

using JetPack = Jet<F64, kParameters>;

// One row by two vectors of columns.
struct GradientUnit {
  static constexpr int kVectors = 2;
  static constexpr int kColumns = kVectors * F64::kLanes;
  AngleState<JetPack> state[kVectors];
  long row, col;

  FASTNTK_HD long column(int u) const { return col + u * F64::kLanes; }
};

// One side's numbers with their derivatives.
class GradientSide {
public:
  GradientSide(const Operand<double>& operand)
      : table_(operand.table), by_(operand.gradients->by) {}

  FASTNTK_HD MixingScalars<JetPack> first_of_row(long i) const {
    return mixing_of_row(table_.first, [this](int p) -> auto& { return by_[p].first; }, i);
  }
  FASTNTK_HD MixingScalars<JetPack> first_of_columns(long j) const {
    return mixing_of_columns(table_.first, [this](int p) -> auto& { return by_[p].first; }, j);
  }
  FASTNTK_HD MixingScalars<JetPack> layer_of_row(std::size_t l, long i) const {
    return mixing_of_row(table_.layers[l], [=](int p) -> auto& { return by_[p].layers[l]; }, i);
  }
  FASTNTK_HD MixingScalars<JetPack> layer_of_columns(std::size_t l, long j) const {
    return mixing_of_columns(table_.layers[l], [=](int p) -> auto& { return by_[p].layers[l]; }, j);
  }
  FASTNTK_HD JetPack scalar_of_row(std::size_t l, int k, long i) const {
    return JetPack::of(F64(table_.layers[l].scalars[k][i]),
                       [&](int p) { return F64(by_[p].layers[l].scalars[k][i]); });
  }
  FASTNTK_HD JetPack scalar_of_columns(std::size_t l, int k, long j) const {
    return JetPack::of(F64::load(&table_.layers[l].scalars[k][j]),
                       [&](int p) { return F64::load(&by_[p].layers[l].scalars[k][j]); });
  }
  FASTNTK_HD double scale(long i) const { return table_.scale[i]; }
  FASTNTK_HD F64 scales(long j) const { return F64::load(&table_.scale[j]); }
  FASTNTK_HD const RowGradients::ByParameter& by(int p) const { return by_[p]; }

private:
  template <class By>
  FASTNTK_HD static MixingScalars<JetPack> mixing_of_row(const LayerRows<double>& layer, By by,
                                                         long i) {
    return {JetPack::of(F64(layer.w[i]), [&](int p) { return F64(by(p).w[i]); }),
            JetPack::of(F64(layer.v[i]), [&](int p) { return F64(by(p).v[i]); })};
  }
  template <class By>
  FASTNTK_HD static MixingScalars<JetPack> mixing_of_columns(const LayerRows<double>& layer, By by,
                                                             long j) {
    return {JetPack::of(F64::load(&layer.w[j]), [&](int p) { return F64::load(&by(p).w[j]); }),
            JetPack::of(F64::load(&layer.v[j]), [&](int p) { return F64::load(&by(p).v[j]); })};
  }

  const RowTable<double>& table_;
  const RowGradients::ByParameter (&by_)[kParameters];
};

template <class Act, int kLevel>
FASTNTK_HD void gradient_step(const Act& act, const GradientSide& rows, const GradientSide& cols,
                              std::size_t l, GradientUnit& unit) {
  constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
  const MixingScalars<JetPack> own = rows.layer_of_row(l, unit.row);
  FASTNTK_UNROLL
  for (int u = 0; u < GradientUnit::kVectors; ++u) {
    JetPack row_scalars[kScalars], col_scalars[kScalars];
    for_row_scalars(act, [&](int k) {
      row_scalars[k] = rows.scalar_of_row(l, k, unit.row);
      col_scalars[k] = cols.scalar_of_columns(l, k, unit.column(u));
    });
    AngleState<JetPack>& state = unit.state[u];
    const auto dual = act.template pair_step<kLevel>(state.x, row_scalars, col_scalars);
    state = mix_folded(dual, state.t, own, cols.layer_of_columns(l, unit.column(u)), AllTrained{});
  }
}

template <class Act>
FASTNTK_HD void gradient_step(const Act& act, int angle_level, const GradientSide& rows,
                              const GradientSide& cols, std::size_t l, GradientUnit& unit) {
  if (!Act::kUsesAngleLevels || angle_level == kFolded)
    gradient_step<Act, kFolded>(act, rows, cols, l, unit);
  else if constexpr (Act::kUsesAngleLevels)
    gradient_step<Act, kAcute>(act, rows, cols, l, unit);
}

// States of the last layer from the deficits of the first.
FASTNTK_HD void run_gradient_layers(const std::vector<LayerPlan>& layers, const GradientSide& rows,
                                    const GradientSide& cols, GradientUnit& unit) {
  const MixingScalars<JetPack> own = rows.first_of_row(unit.row);
  FASTNTK_UNROLL
  for (int u = 0; u < GradientUnit::kVectors; ++u) {
    const long j = unit.column(u);
    const MixingScalars<JetPack> other = cols.first_of_columns(j);
    F64 log_w[kParameters];
    FASTNTK_UNROLL
    for (int p = 0; p < kParameters; ++p)
      log_w[p] = F64(rows.by(p).log_w[unit.row]) + F64::load(&cols.by(p).log_w[j]);
    AngleState<JetPack>& state = unit.state[u];
    state.x = first_deficit(state.x.value, own, other, log_w);
    state.t = first_layer(unfold(state.x), own, other, AllTrained{});
  }
  for (std::size_t l = 0; l < layers.size(); ++l) {
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    gradient_step(Type(layers[l].activation.numbers()), layers[l].angle_level, rows, cols, l,      \
                  unit);                                                                           \
    break;
    switch (layers[l].activation.kind) {
      FASTNTK_ACTIVATIONS(FASTNTK_CASE)
    default:
      break;
    }
#undef FASTNTK_CASE
  }
}

// The kernel of a strip whose deficits are known, into its tile, and its derivatives into the tiles
// behind that.
inline void store_gradient(const LimitingPlan<double>& plan, const Strip& strip, const double* x,
                           double* tiles) {
  const GradientSide rows(*plan.rows), cols(*plan.cols);
  double* corner = tiles + strip.row % kTile * kTile + strip.col % kTile;
  for (long i = 0; i < strip.count; ++i) {
    for (int j = 0; j < kStripWidth; j += GradientUnit::kColumns) {
      GradientUnit unit;
      unit.row = strip.row + i;
      unit.col = strip.col + j;
      FASTNTK_UNROLL
      for (int u = 0; u < GradientUnit::kVectors; ++u)
        unit.state[u].x = F64::load(x + i * kStripWidth + j + u * F64::kLanes);
      run_gradient_layers(plan.layers, rows, cols, unit);
      FASTNTK_UNROLL
      for (int u = 0; u < GradientUnit::kVectors; ++u) {
        const long col = unit.column(u);
        F64 log_scale[kParameters];
        FASTNTK_UNROLL
        for (int p = 0; p < kParameters; ++p)
          log_scale[p] =
              F64(rows.by(p).log_scale[unit.row]) + F64::load(&cols.by(p).log_scale[col]);
        const F64 scale = F64(rows.scale(unit.row)) * cols.scales(col);
        const JetPack kernel = kernel_of(unit.state[u], plan.gradients_of_nngp, scale, log_scale);
        double* to = corner + i * kTile + j + u * F64::kLanes;
        kernel.value.store(to);
        FASTNTK_UNROLL
        for (int p = 0; p < kParameters; ++p)
          kernel.by[p].store(to + (1 + p) * kTileArea);
      }
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
