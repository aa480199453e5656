// SPDX-License-Identifier: Apache-2.0
// Whether rows of floats keep their angles as 24-bit fixed point (Product::kSlices).
#pragma once

#include "common/samples.h"

namespace fastntk::cpu {

// False where a row has numbers so much larger than the rest that what the rest loses by rounding
// shows: float32 rows only. Cost: the data read twice, by `threads` over blocks of rows.
bool fixed_point_serves(const Samples& samples, int threads);

}  // namespace fastntk::cpu
