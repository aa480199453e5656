// SPDX-License-Identifier: Apache-2.0
#include "common/network.h"

namespace fastntk {
namespace {

struct ActivationFacts {
  const char* name;
  bool dual_is_non_negative;
  int roundings;
};

#define FASTNTK_FACTS(Type) {Type::kName, Type::kDualIsNonNegative, Type::kRoundings},
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

bool activation_dual_is_non_negative(Activation activation) {
  return facts(activation).dual_is_non_negative;
}

int activation_roundings(Activation activation) { return facts(activation).roundings; }

}  // namespace fastntk
