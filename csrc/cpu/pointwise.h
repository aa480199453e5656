// SPDX-License-Identifier: Apache-2.0
// The elementwise steps of a finite network's passes, forward and backward: one pass over memory.
#pragma once

#include "common/activations.h"

namespace fastntk::cpu {

// z [rows, cols] = factor z + shift, the same for every row; out [rows, cols] = f(z). shift [cols]
// may be null: none; out may be null: z alone is what is wanted.
template <class T>
void activate(const Activation& activation, T factor, const T* shift, long rows, long cols, T* z,
              T* out, int threads);

// signals [rows * outputs, cols]: row i * outputs + k is multiplied by factor f'(z), row i of
// z [rows, cols].
template <class T>
void apply_slope(const Activation& activation, T factor, const T* z, long rows, long cols,
                 long outputs, T* signals, int threads);

}  // namespace fastntk::cpu
