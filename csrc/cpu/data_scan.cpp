// SPDX-License-Identifier: Apache-2.0
#include "cpu/data_scan.h"

#include <algorithm>

#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// What the rows of one task say of a column: not zero where any of them is not. Numbers as wide as
// the values, so that the loops over columns are vectors.
template <class Value>
struct MaskOf;
template <>
struct MaskOf<std::uint8_t> {
  using type = std::uint8_t;
};
template <>
struct MaskOf<float> {
  using type = std::int32_t;
};
template <>
struct MaskOf<double> {
  using type = std::int64_t;
};

// Bytes tell zero from the rest by themselves and have no sign.
bool add_row(const std::uint8_t* __restrict row, long columns, std::uint8_t* __restrict seen) {
  for (long k = 0; k < columns; ++k)
    seen[k] |= row[k];
  return false;
}

template <class Value, class Mask>
bool add_row(const Value* __restrict row, long columns, Mask* __restrict seen) {
  Mask negative = 0;
  for (long k = 0; k < columns; ++k) {
    seen[k] |= row[k] != 0;
    negative |= row[k] < 0;
  }
  return negative != 0;
}

template <class Value>
DataScan scan(const Samples& samples, int threads) {
  using Mask = typename MaskOf<Value>::type;
  const Value* data = static_cast<const Value*>(samples.data);
  const long columns = samples.columns;
  std::vector<std::vector<Mask>> seen(threads, std::vector<Mask>(columns, 0));
  std::vector<char> negative(threads, 0);
  run_tasks(ceil_div(samples.rows, kTile), threads, nullptr, [&](int worker, long task) {
    for (long i = task * kTile; i < std::min(samples.rows, (task + 1) * kTile); ++i)
      negative[worker] |= add_row(data + i * columns, columns, seen[worker].data());
  });
  DataScan all{std::vector<char>(columns, 0), false};
  for (int worker = 0; worker < threads; ++worker) {
    for (long k = 0; k < columns; ++k)
      all.used[k] |= seen[worker][k] != 0;
    all.negative |= negative[worker] != 0;
  }
  return all;
}

}  // namespace

DataScan scan_data(const Samples& samples, int threads) {
  switch (samples.type) {
  case SampleType::kUint8:
    return scan<std::uint8_t>(samples, threads);
  case SampleType::kFloat32:
    return scan<float>(samples, threads);
  default:
    return scan<double>(samples, threads);
  }
}

}  // namespace fastntk::cpu
