// SPDX-License-Identifier: Apache-2.0
// Arithmetic of indices.
#pragma once

#include "common/macros.h"

namespace fastntk {

static_assert(sizeof(long) == 8, "indices of large matrices are long");

FASTNTK_HD constexpr long ceil_div(long a, long b) { return (a + b - 1) / b; }
FASTNTK_HD constexpr long round_up(long a, long unit) { return ceil_div(a, unit) * unit; }
FASTNTK_HD constexpr long smaller(long a, long b) { return a < b ? a : b; }

}  // namespace fastntk
