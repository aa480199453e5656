// SPDX-License-Identifier: Apache-2.0
// Seeded data full of the pairs that lose digits. Special row n - 1 - k is made from row k, so that
// special pairs lie far apart: in different tiles, or one in X and one in Y.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/samples.h"

namespace test {

struct Kind {
  fastntk::SampleType type;
  bool negative;     // values of both signs
  bool equal_norms;  // rows are permutations of one row, whose squares add up exactly
};

std::string kind_name(const Kind& kind);
const std::vector<Kind>& all_kinds();

// splitmix64 [Steele, Lea and Flood 2014]: the same numbers with every library.
class Random {
public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  long below(long count) { return static_cast<long>(bits() % static_cast<std::uint64_t>(count)); }
  double uniform() { return static_cast<double>(bits() >> 11) / 9007199254740992.0; }
  double bell() { return uniform() + uniform() + uniform() - uniform() - uniform() - uniform(); }

private:
  std::uint64_t state_;
};

// [count, columns] numbers of rows so close to one another that all pairs of floats would be measured
// again.
std::vector<double> clustered_values(long count, long columns);

class Rows {
public:
  // [count, columns] rows.
  Rows(const Kind& kind, long count, long columns, std::uint64_t seed);
  // The same numbers in the type of the kind; values: [count, columns].
  Rows(fastntk::SampleType type, long columns, const std::vector<double>& values);

  // Rows [first, first + count).
  fastntk::Samples view(long first, long count) const;

private:
  fastntk::SampleType type_;
  long columns_;
  std::vector<std::uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

}  // namespace test
