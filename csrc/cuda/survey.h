// SPDX-License-Identifier: Apache-2.0
// What the columns and a sample of pairs say of the data, see data_summary.h.
#pragma once

#include "common/input_layer.h"
#include "common/samples.h"
#include "cuda/data_summary.h"

namespace fastntk::cuda {

// Adds the columns in use, negative values and those that are not finite.
void survey_columns(const Samples& samples, unsigned* used, SideSummary* summary,
                    const Context& context);

// Adds the close pairs of the sample of common/close_pairs.h: float32 rows.
void count_close_pairs(const Samples& x, const Samples& y, const InputLayer& input,
                       double threshold, SideSummary* summary, const Context& context);

}  // namespace fastntk::cuda
