// SPDX-License-Identifier: Apache-2.0
// The list of activations. Everything that needs one per activation (names, row steps, layer steps, tables)
// expands it.
#pragma once

#include "common/activations/erf.h"
#include "common/activations/relu.h"

#define FASTNTK_ACTIVATIONS(X) X(Relu) X(Erf)

namespace fastntk {

#define FASTNTK_ENUMERATOR(Type) k##Type,
enum class Activation : int { FASTNTK_ACTIVATIONS(FASTNTK_ENUMERATOR) kCount };
#undef FASTNTK_ENUMERATOR

constexpr int kActivationCount = static_cast<int>(Activation::kCount);

// f(act) for an object of the activation's type.
template <class F>
FASTNTK_HD auto with_activation(Activation activation, const F& f) {
#define FASTNTK_CASE(Type)                                                                         \
  case Activation::k##Type:                                                                        \
    return f(Type{});
  switch (activation) {
    FASTNTK_ACTIVATIONS(FASTNTK_CASE)
  default:
    return decltype(f(Relu{})){};
  }
#undef FASTNTK_CASE
}

template <class Real>
FASTNTK_HD RowDual<Real> activation_row_step(Activation activation, Real variance) {
  return with_activation(activation,
                         [&](auto act) { return act.template row_step<Real>(variance); });
}
FASTNTK_HD double activation_square_at_zero(Activation activation) {
  return with_activation(activation, [](auto act) { return act.kSquareAtZero; });
}
FASTNTK_HD int activation_row_scalars(Activation activation) {
  return with_activation(activation, [](auto act) { return act.kRowScalars; });
}

}  // namespace fastntk
