// SPDX-License-Identifier: Apache-2.0
// The list of activations. Everything that needs one per activation (names, row steps, layer steps, tables)
// expands it.
#pragma once

#include <type_traits>
#include <utility>

#include "common/activations/erf.h"
#include "common/activations/exponential.h"
#include "common/activations/gaussian.h"
#include "common/activations/gelu.h"
#include "common/activations/piecewise_linear.h"
#include "common/activations/polynomial.h"
#include "common/activations/relu.h"
#include "common/activations/relu_power.h"
#include "common/activations/sinusoid.h"
#include "common/activations/step.h"
#include "common/activations/tabulated.h"

// Those with values of f and f', which finite networks take.
#define FASTNTK_FUNCTIONS(X)                                                                       \
  X(Relu)                                                                                          \
  X(Erf)                                                                                           \
  X(PiecewiseLinear)                                                                               \
  X(ReluSquared)                                                                                   \
  X(ReluCubed)                                                                                     \
  X(Step)                                                                                          \
  X(Sign)                                                                                          \
  X(Polynomial)                                                                                    \
  X(Sinusoid)                                                                                      \
  X(Exponential)                                                                                   \
  X(Rbf)                                                                                           \
  X(Gaussian)                                                                                      \
  X(Gelu)
#define FASTNTK_ACTIVATIONS(X) FASTNTK_FUNCTIONS(X) X(Tabulated)

namespace fastntk {

#define FASTNTK_ENUMERATOR(Type) k##Type,
enum class ActivationKind : int { FASTNTK_ACTIVATIONS(FASTNTK_ENUMERATOR) kCount };
#undef FASTNTK_ENUMERATOR

constexpr int kActivationCount = static_cast<int>(ActivationKind::kCount);
constexpr int kMaxParameters = 9;

// A functor and its parameters, in a form that host and device share.
struct Activation {
  ActivationKind kind = ActivationKind::kRelu;
  double parameters[kMaxParameters] = {};
  const double* table = nullptr;  // instead of parameters, where they are many

  Activation() = default;
  FASTNTK_HD Activation(ActivationKind of_kind) : kind(of_kind) {}

  FASTNTK_HD const double* numbers() const { return table != nullptr ? table : parameters; }
};

// f(act) for the functor that an activation names: of all of them, or of a few, for code that has no
// room for more.
struct EveryActivation {
  template <class F>
  FASTNTK_HD static auto with(const Activation& activation, const F& f) {
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    return f(Type(activation.numbers()));
    switch (activation.kind) {
      FASTNTK_ACTIVATIONS(FASTNTK_CASE)
    default:
      return decltype(f(Relu(nullptr))){};
    }
#undef FASTNTK_CASE
  }
};
struct ReluOrErf {
  template <class F>
  FASTNTK_HD static auto with(const Activation& activation, const F& f) {
    return activation.kind == ActivationKind::kErf ? f(Erf(nullptr)) : f(Relu(nullptr));
  }
};
template <class F>
FASTNTK_HD auto with_activation(const Activation& activation, const F& f) {
  return EveryActivation::with(activation, f);
}

// The same for functors with values.
template <class F>
auto with_function(const Activation& activation, const F& f) {
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    return f(Type(activation.numbers()));
  switch (activation.kind) {
    FASTNTK_FUNCTIONS(FASTNTK_CASE)
  default:
    return decltype(f(Relu(nullptr))){};
  }
#undef FASTNTK_CASE
}

// As many as its type says, or what the functor knows itself where that is a bound.
template <class Act>
FASTNTK_HD int row_scalars_of([[maybe_unused]] const Act& act) {
  if constexpr (Act::kRowScalars == kMaxRowScalars)
    return act.row_scalars();
  else
    return Act::kRowScalars;
}

// f(k) for every row scalar.
template <class Act, class F>
FASTNTK_HD void for_row_scalars([[maybe_unused]] const Act& act, const F& f) {
  if constexpr (Act::kRowScalars == kMaxRowScalars) {
    for (int k = 0; k < act.row_scalars(); ++k)
      f(k);
  } else {
    FASTNTK_UNROLL
    for (int k = 0; k < Act::kRowScalars; ++k)
      f(k);
  }
}

// Does its pair step return a folded deficit?
template <class Act>
constexpr bool kFoldsDeficit =
    std::is_same_v<decltype(std::declval<Act>().template pair_step<kFolded>(
                       0.0, static_cast<const double*>(nullptr),
                       static_cast<const double*>(nullptr))),
                   FoldedDual<double>>;

// The row step; keep(k, value) is given the row scalars one by one: no thread of a GPU has room for all.
template <class Some = EveryActivation, class Real, class Keep>
FASTNTK_HD RowMoments<Real> activation_row_step(const Activation& activation, Real variance,
                                                const Keep& keep) {
  return Some::with(activation, [&](auto act) {
    if constexpr (decltype(act)::kRowScalars == kMaxRowScalars) {
      return act.row_step_to(variance, keep);
    } else {
      const RowDual<Real> dual = act.template row_step<Real>(variance);
      for_row_scalars(act, [&](int k) { keep(k, dual.scalars[k]); });
      return RowMoments<Real>{dual.second_moment, dual.slope};
    }
  });
}
template <class Some = EveryActivation>
FASTNTK_HD double activation_square_at_zero(const Activation& activation) {
  return Some::with(activation, [](auto act) { return act.square_at_zero(); });
}
template <class Some = EveryActivation>
FASTNTK_HD int activation_row_scalars(const Activation& activation) {
  return Some::with(activation, [](auto act) { return row_scalars_of(act); });
}

}  // namespace fastntk
