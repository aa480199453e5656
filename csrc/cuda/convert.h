// SPDX-License-Identifier: Apache-2.0
// Arrays in another type, or every so many numbers of them.
#pragma once

#include "cuda/context.h"

namespace fastntk::cuda {

// to[i] = from[i stride]
template <class From, class To>
void convert(const From* from, To* to, long count, const Context& context, long stride = 1);

}  // namespace fastntk::cuda
