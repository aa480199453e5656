// SPDX-License-Identifier: Apache-2.0
#include "cpu/limiting_plan.h"

#include <algorithm>

namespace fastntk::cpu {
template <class T>
std::vector<LayerPlan> plan_layers(const Network& network, const Operand<T>& rows,
                                   const Operand<T>& cols, bool non_negative) {
  const long m = rows.samples.rows, n = cols.samples.rows;
  std::vector<LayerPlan> plan;
  int level = non_negative ? kAcute : kFolded;
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const Activation activation = network.activations[l];
    const bool equal = one_number(rows.table.layers[l].w, m, cols.table.layers[l].w, n) &&
                       one_number(rows.table.layers[l].v, m, cols.table.layers[l].v, n);
    plan.push_back({activation, level, equal});
    // A dual that is never negative leaves acute angles; equal mixing only adds to a cosine, so
    // each layer narrows the range.
    if (!activation_dual_is_non_negative(activation)) {
      level = kAnyAngle;
    } else if (!equal) {
      level = kAcute;
    } else {
      level = std::clamp<int>(level + 1, kAcute, kDeeper);
    }
  }
  return plan;
}

template std::vector<LayerPlan> plan_layers(const Network&, const Operand<float>&,
                                            const Operand<float>&, bool);
template std::vector<LayerPlan> plan_layers(const Network&, const Operand<double>&,
                                            const Operand<double>&, bool);

}  // namespace fastntk::cpu
