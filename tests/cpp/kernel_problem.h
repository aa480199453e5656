// SPDX-License-Identifier: Apache-2.0
// Data and a network, and the check of their kernels by every instruction set and in both types.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>

#include "gram.h"

namespace test {

// The bounds of the README.
template <class T>
double gate(fastntk::SampleType type, int hidden_layers) {
  if (std::is_same_v<T, float>)
    return 6e-7;
  const bool exact = type == fastntk::SampleType::kUint8;
  return exact ? 2e-15 + 2e-16 * std::max(0, hidden_layers - 10) : 1e-12;
}

struct Problem {
  std::string name;
  Samples x;
  const Samples* y;  // nullptr: x with itself
  double scale;
  Network net;

  long rows() const { return x.rows; }
  long cols() const { return y ? y->rows : x.rows; }
};

// NTK and NNGP: chosen entries within their gate of the reference, all finite, symmetric to the bit.
void check_problem(const Problem& problem);

}  // namespace test
