// SPDX-License-Identifier: Apache-2.0
// How precise a recursion in float is for some rows: measured on them, where nothing simpler is known.
#pragma once

#include <string>

#include "cpu/limiting_plan.h"

namespace fastntk::cpu {

// Entries for which measuring is worth its while: fewer take less time in double.
constexpr long kMeasuredEntries = 1L << 22;

// Of Theta relative to sqrt(Theta_ii Theta_jj): what leaves room for the rounding of the entries
// themselves below the gate of 6e-7.
constexpr double kFloatRecursionError = 4e-7;

// The largest error of any output, relative to the diagonals, that the deficits of the plan's product
// and the roundings of its layers, or of the table in their place, leave: from recursions in float and
// in double for rows with variances as the data have, at angles from 0 to the largest.
// Cost: some milliseconds, whatever the size of the data.
double float_recursion_error(const LimitingPlan<float>& plan, const Network& network,
                             const std::vector<TrainedShares>& outputs, const std::string& isa);

}  // namespace fastntk::cpu
