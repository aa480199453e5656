// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace fastntk {

// For conditions that the Python layer has already checked with a better message; they guard direct
// use of the C++ core.
inline void require(bool condition, const char* message) {
  if (!condition)
    throw std::invalid_argument(message);
}

}  // namespace fastntk
