// SPDX-License-Identifier: Apache-2.0
// A float as the sum of two tf32 numbers, value = high + low to 2^-22 of it: high high' + high low' +
// low high' is then a product with an error of up to 3 2^-22, 7e-7, and of 2e-7 on the average.
#pragma once

#include "cuda/device.h"

namespace fastntk::cuda {

// Both are rounded to the 11 digits of tf32. The bits behind those of `low` are left as they are:
// matrix instructions do not read them. A NaN may come out as 0: whoever multiplies knows of it by the
// norm of its row.
__device__ __forceinline__ void split_tf32(float value, unsigned& high, unsigned& low) {
  constexpr unsigned kHalf = 0x1000u, kKept = 0xffffe000u;
  const auto bits = [](float number) { return static_cast<unsigned>(__float_as_int(number)); };
  high = (bits(value) + kHalf) & kKept;
  low = bits(value - __int_as_float(static_cast<int>(high))) + kHalf;
}

}  // namespace fastntk::cuda
