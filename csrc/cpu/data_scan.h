// SPDX-License-Identifier: Apache-2.0
// What one pass over the data says of all rows at once.
#pragma once

#include <vector>

#include "common/samples.h"

namespace fastntk::cpu {

struct DataScan {
  std::vector<char> used;  // [columns] 1 unless the column is zero in all rows
  bool negative;           // a value lies below zero
};

// Finite values. Cost: the data read once, by `threads` over blocks of rows.
DataScan scan_data(const Samples& samples, int threads);

}  // namespace fastntk::cpu
