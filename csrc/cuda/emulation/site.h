// SPDX-License-Identifier: Apache-2.0
// Where a kernel calls a barrier or a warp-wide operation, and how its misuse is reported.
#pragma once

#include <cstring>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include "cuda/emulation/types.h"

namespace fastntk::cuda::emulation {

struct Site {
  const char* operation = "";
  const char* file = "";
  int line = 0;

  // As a default argument: where the function is called that has it.
  static constexpr Site at(const char* operation, const char* file = __builtin_FILE(),
                           int line = __builtin_LINE()) {
    return {operation, file, line};
  }
};

inline bool same(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

inline bool same(const Site& a, const Site& b) {
  return a.line == b.line && same(a.operation, b.operation) && same(a.file, b.file);
}

inline std::ostream& operator<<(std::ostream& out, const Site& site) {
  return out << site.operation << " (" << site.file << ':' << site.line << ')';
}

template <class Triple>
void print_triple(std::ostream& out, const Triple& triple) {
  out << '(' << triple.x << ", " << triple.y << ", " << triple.z << ')';
}

// A kernel that no device would run as it is meant.
template <class... Parts>
[[noreturn]] void misuse(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw std::runtime_error(text.str());
}

}  // namespace fastntk::cuda::emulation
