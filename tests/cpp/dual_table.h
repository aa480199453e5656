// SPDX-License-Identifier: Apache-2.0
// Tables of common/activations/tabulated.h made by hand.
#pragma once

#include <cstring>
#include <vector>

namespace test {

// numbers: the header and the row series; pairs: what pairs read. Adds the lengths and the floats.
inline std::vector<double> dual_table(std::vector<double> numbers,
                                      const std::vector<double>& pairs) {
  constexpr int kNumbers = 12, kRowNumbers = 13;  // places in the header
  numbers[kRowNumbers] = static_cast<double>(numbers.size());
  numbers.insert(numbers.end(), pairs.begin(), pairs.end());
  const std::size_t count = numbers.size();
  numbers[kNumbers] = static_cast<double>(count);
  std::vector<float> singles(2 * ((count + 1) / 2));
  for (std::size_t i = 0; i < count; ++i)
    singles[i] = static_cast<float>(numbers[i]);
  numbers.resize(count + singles.size() / 2);
  std::memcpy(&numbers[count], singles.data(), singles.size() * sizeof(float));
  return numbers;
}

}  // namespace test
