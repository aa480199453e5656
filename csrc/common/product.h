// SPDX-License-Identifier: Apache-2.0
// How the inner products of two rows are formed.
#pragma once

namespace fastntk {

enum class Product {
  kInteger,      // uint8 in 32-bit integers: exact
  kWideInteger,  // uint8 in double: exact, for more columns than 32 bits hold
  kFloat,        // float panels, short sums added up in double
  kSlices,       // float rows as 24-bit fixed point in three signed bytes
  kDouble,       // double panels
};
constexpr int kProductCount = 5;
constexpr int kSlices = 3;  // bytes of a fixed-point number

}  // namespace fastntk
