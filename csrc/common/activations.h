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

}  // namespace fastntk
