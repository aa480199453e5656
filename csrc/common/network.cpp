// SPDX-License-Identifier: Apache-2.0
#include "common/network.h"

#include <algorithm>
#include <type_traits>

namespace fastntk {
namespace {

struct KindFacts {
  const char* name;
  int parameters;
};

#define FASTNTK_FACTS(Type) {Type::kName, Type::kParameters},
constexpr KindFacts kFacts[] = {FASTNTK_ACTIVATIONS(FASTNTK_FACTS)};
#undef FASTNTK_FACTS

const KindFacts& facts(ActivationKind kind) { return kFacts[static_cast<int>(kind)]; }

}  // namespace

const char* activation_name(ActivationKind kind) { return facts(kind).name; }

Activation make_activation(const std::string& name, const std::vector<double>& parameters) {
  for (int i = 0; i < kActivationCount; ++i) {
    if (name != kFacts[i].name)
      continue;
    require(name != Tabulated::kName, "a table is no function of its own");
    if (static_cast<int>(parameters.size()) != kFacts[i].parameters) {
      throw std::invalid_argument("activation '" + name + "' has " +
                                  std::to_string(kFacts[i].parameters) + " parameters, got " +
                                  std::to_string(parameters.size()));
    }
    Activation activation(static_cast<ActivationKind>(i));
    std::copy(parameters.begin(), parameters.end(), activation.parameters);
    return activation;
  }
  throw std::invalid_argument("unknown activation '" + name + "'");
}

void add_activation(const std::string& name, const std::vector<double>& parameters,
                    Network& network) {
  if (name != Tabulated::kName) {
    network.activations.push_back(make_activation(name, parameters));
    return;
  }
  require(Tabulated::is_table(parameters.data(), parameters.size()),
          "activation 'tabulated' has the numbers of a table as parameters");
  network.tables.push_back(std::make_shared<const std::vector<double>>(parameters));
  Activation activation(ActivationKind::kTabulated);
  activation.table = network.tables.back()->data();
  network.activations.push_back(activation);
}

bool activation_dual_is_non_negative(const Activation& activation) {
  return with_activation(activation, [](auto act) { return act.dual_is_non_negative(); });
}

}  // namespace fastntk
