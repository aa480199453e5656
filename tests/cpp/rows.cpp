// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <algorithm>
#include <cmath>

namespace test {

using fastntk::Samples;
using fastntk::SampleType;

namespace {

using Row = std::vector<double>;

double ordinary_value(const Kind& kind, Random& random) {
  if (kind.type == SampleType::kUint8)
    return random.uniform() < 0.35 ? 1 + static_cast<double>(random.below(255)) : 0;
  double value = random.bell();
  if (kind.equal_norms)
    value = std::round(value * 64) / 64;  // squares have 16 bits and add up exactly
  if (kind.negative)
    return value;
  return random.uniform() < 0.5 ? std::abs(value) : 0;
}

Row ordinary_row(const Kind& kind, long columns, Random& random) {
  Row row(columns);
  for (double& value : row)
    value = ordinary_value(kind, random);
  if (std::all_of(row.begin(), row.end(), [](double value) { return value == 0; }))
    row[0] = 1;
  return row;
}

Row shuffled(Row row, Random& random) {
  for (long k = static_cast<long>(row.size()) - 1; k > 0; --k)
    std::swap(row[k], row[random.below(k + 1)]);
  return row;
}

// Exchanges the first two neighbours that differ: the closest row of equal norm.
Row with_neighbours_exchanged(Row row) {
  for (std::size_t k = 0; k + 1 < row.size(); ++k) {
    if (row[k] != row[k + 1]) {
      std::swap(row[k], row[k + 1]);
      break;
    }
  }
  return row;
}

Row times(Row row, double factor) {
  for (double& value : row)
    value *= factor;
  return row;
}

Row perturbed(Row row, double size, Random& random) {
  for (double& value : row)
    value *= 1 + size * random.bell();
  return row;
}

Row single(long columns, double value) {
  Row row(columns, 0.0);
  row[columns / 2] = value;
  return row;
}

// The partner of `row`, which may be changed too. Beyond the last number: none.
constexpr long kSpecials = 9;
Row special(long number, const Kind& kind, Row& row, Random& random) {
  const bool pixels = kind.type == SampleType::kUint8;
  const long columns = static_cast<long>(row.size());
  switch (number) {
  case 0:
    return row;
  case 1: {  // one value moves a little
    Row close = row;
    double& value = close[columns / 3];
    value += pixels ? (value > 127 ? -1 : 1) : 1e-4;
    return close;
  }
  case 2:  // proportional
    if (pixels) {
      for (double& value : row)
        value = std::min(value, 2.0);
      return times(row, 100);
    }
    return times(row, 3);
  case 3:  // zero
    return Row(columns, 0.0);
  case 4:  // opposite, or proportional up to the rounding of pixels
    return pixels ? times(row, 0.75) : times(row, kind.negative ? -2.0 : 0.5);
  case 5:
    return perturbed(row, 1e-6, random);
  case 6:  // nearly opposite
    return times(perturbed(row, 1e-5, random), kind.negative ? -1.0 : 1.0);
  case 7:
    return perturbed(row, 1e-2, random);
  default:
    return single(columns, pixels ? 255 : 1);
  }
}

Row special_of_equal_norm(long number, const Kind& kind, const Row& row) {
  if (number % 3 == 0)
    return row;
  return number % 3 == 1 || !kind.negative ? with_neighbours_exchanged(row) : times(row, -1);
}

std::vector<double> values_of(const Kind& kind, long count, long columns, Random& random) {
  std::vector<Row> rows;
  for (long i = 0; i < count; ++i) {
    rows.push_back(kind.equal_norms && i > 0 ? shuffled(rows[0], random)
                                             : ordinary_row(kind, columns, random));
  }
  for (long k = 0; k < std::min(kSpecials, count / 2); ++k) {
    rows[count - 1 - k] = kind.equal_norms ? special_of_equal_norm(k, kind, rows[k])
                                           : special(k, kind, rows[k], random);
  }
  std::vector<double> values;
  for (const Row& row : rows)
    values.insert(values.end(), row.begin(), row.end());
  return values;
}

std::vector<double> seeded_values(const Kind& kind, long count, long columns, std::uint64_t seed) {
  Random random(seed);
  return values_of(kind, count, columns, random);
}

}  // namespace

std::uint64_t Random::bits() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::string kind_name(const Kind& kind) {
  const char* types[] = {"uint8", "float32", "float64"};
  return std::string(types[static_cast<int>(kind.type)]) + (kind.negative ? " signed" : "") +
         (kind.equal_norms ? " equal norms" : "");
}

const std::vector<Kind>& all_kinds() {
  static const std::vector<Kind> kKinds = [] {
    std::vector<Kind> kinds;
    for (const SampleType type : {SampleType::kUint8, SampleType::kFloat32, SampleType::kFloat64}) {
      for (const bool negative : {false, true}) {
        if (negative && type == SampleType::kUint8)
          continue;
        for (const bool equal_norms : {false, true})
          kinds.push_back({type, negative, equal_norms});
      }
    }
    return kinds;
  }();
  return kKinds;
}

Rows::Rows(const Kind& kind, long count, long columns, std::uint64_t seed)
    : Rows(kind.type, columns, seeded_values(kind, count, columns, seed)) {}

Rows::Rows(SampleType type, long columns, const std::vector<double>& values)
    : type_(type), columns_(columns) {
  switch (type) {
  case SampleType::kUint8:
    for (const double value : values)
      bytes_.push_back(static_cast<std::uint8_t>(std::lround(value)));
    break;
  case SampleType::kFloat32:
    floats_.assign(values.begin(), values.end());
    break;
  case SampleType::kFloat64:
    doubles_ = values;
  }
}

Samples Rows::view(long first, long count) const {
  const long offset = first * columns_;
  switch (type_) {
  case SampleType::kUint8:
    return {bytes_.data() + offset, type_, count, columns_};
  case SampleType::kFloat32:
    return {floats_.data() + offset, type_, count, columns_};
  default:
    return {doubles_.data() + offset, type_, count, columns_};
  }
}

std::vector<double> clustered_values(long count, long columns) {
  Random random(3);
  std::vector<double> centre(columns), values;
  for (double& value : centre)
    value = random.bell();
  for (long i = 0; i < count; ++i) {
    for (const double value : centre)
      values.push_back(value + 1e-4 * random.bell());
  }
  return values;
}

}  // namespace test
