// SPDX-License-Identifier: Apache-2.0
// The data as the caller has it: row-major, one row a sample. Never copied; whoever made the view
// keeps it alive.
#pragma once

#include <cstdint>

namespace fastntk {

enum class SampleType { kUint8, kFloat32, kFloat64 };

struct Samples {
  const void* data;  // [rows, columns]
  SampleType type;
  long rows;
  long columns;

  long value_bytes() const {
    return type == SampleType::kUint8 ? 1 : type == SampleType::kFloat32 ? 4 : 8;
  }

  double at(long i, long k) const {
    const long index = i * columns + k;
    switch (type) {
    case SampleType::kUint8:
      return static_cast<const std::uint8_t*>(data)[index];
    case SampleType::kFloat32:
      return static_cast<const float*>(data)[index];
    default:
      return static_cast<const double*>(data)[index];
    }
  }
};

}  // namespace fastntk
