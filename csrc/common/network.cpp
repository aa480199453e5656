// SPDX-License-Identifier: Apache-2.0
#include "common/network.h"

namespace fastntk {
namespace {

struct ActivationFacts {
  const char* name;
  RowDual<double> (*row_step)(double);
  RowDual<Extended> (*extended_row_step)(Extended);
  double square_at_zero;
  bool dual_is_non_negative;
  int roundings;
  int row_scalars;
};

#define FASTNTK_FACTS(Type)                                                                        \
  {Type::kName,         Type::row_step<double>,   Type::row_step<Extended>,                        \
   Type::kSquareAtZero, Type::kDualIsNonNegative, Type::kRoundings,                                \
   Type::kRowScalars},
constexpr ActivationFacts kFacts[] = {FASTNTK_ACTIVATIONS(FASTNTK_FACTS)};
#undef FASTNTK_FACTS

const ActivationFacts& facts(Activation activation) { return kFacts[static_cast<int>(activation)]; }

}  // namespace

const char* activation_name(Activation activation) { return facts(activation).name; }

Activation activation_from_name(const std::string& name) {
  for (int i = 0; i < kActivationCount; ++i) {
    if (name == kFacts[i].name)
      return static_cast<Activation>(i);
  }
  throw std::invalid_argument("unknown activation '" + name + "'");
}

template <>
RowDual<double> activation_row_step(Activation activation, double variance) {
  return facts(activation).row_step(variance);
}

template <>
RowDual<Extended> activation_row_step(Activation activation, Extended variance) {
  return facts(activation).extended_row_step(variance);
}

double activation_square_at_zero(Activation activation) { return facts(activation).square_at_zero; }

bool activation_dual_is_non_negative(Activation activation) {
  return facts(activation).dual_is_non_negative;
}

int activation_roundings(Activation activation) { return facts(activation).roundings; }

int activation_row_scalars(Activation activation) { return facts(activation).row_scalars; }

}  // namespace fastntk
