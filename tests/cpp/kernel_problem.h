// SPDX-License-Identifier: Apache-2.0
// Data and a network, and the check of what an engine makes of them.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "gram.h"
#include "reference.h"
#include "rows.h"

namespace test {

// The bounds of the README.
template <class T>
double gate(fastntk::SampleType type, int hidden_layers) {
  if (std::is_same_v<T, float>)
    return 6e-7;
  const bool exact = type == fastntk::SampleType::kUint8;
  return exact ? 2e-15 + 2e-16 * std::max(0, hidden_layers - 10) : 1e-12;
}

// What the data of a kind are multiplied with.
inline double scale_of(const Kind& kind) {
  return kind.type == fastntk::SampleType::kUint8 ? 1.0 / 255 : 1.0;
}

// Of several depths, without biases and with.
const std::vector<Network>& networks();

struct Problem {
  std::string name;
  Samples x;
  const Samples* y;  // nullptr: x with itself
  double scale;
  Network net;

  long rows() const { return x.rows; }
  long cols() const { return y ? y->rows : x.rows; }
};

// An entry with its exact value, and what errors of it are relative to.
struct Probe {
  long i, j;
  Entry value, denominator;
};

// The special pairs, the corners of the tiles, one row and one column, and some others.
std::vector<Probe> probes(const Problem& problem);

// What an engine makes of a problem: NTK and NNGP, and the diagonal of the NTK where it is
// symmetric.
template <class T>
struct Computed {
  std::vector<std::vector<T>> kernels;
  std::vector<T> diagonal;
};

// Entries within their gate of the reference, all finite, symmetric to the bit.
template <class T>
void check_computed(const Problem& problem, const std::vector<Probe>& expected,
                    const Computed<T>& computed, const std::string& engine);

// The same for every instruction set of the CPU and in both types.
void check_problem(const Problem& problem);

}  // namespace test
