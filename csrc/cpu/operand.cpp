// SPDX-License-Identifier: Apache-2.0
#include "cpu/operand.h"

#include <algorithm>
#include <cmath>

#include "common/row_measures.h"
#include "cpu/panels.h"
#include "cpu/row_scale.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

template <class T>
void set_radius(RadiusTable<T>& table, long i, double square) {
  const RowRadius<T> radius = row_radius<T>(square);
  table.hi[i] = radius.hi;
  table.lo[i] = radius.lo;
  table.half_inverse[i] = radius.half_inverse;
}

template <class T>
RadiusTable<T> radius_table(long rows) {
  return {AlignedBuffer<T>(rows), AlignedBuffer<T>(rows), AlignedBuffer<T>(rows)};
}

// Sums over a row go by lanes: so the compiler has vectors, and the order of a sum is one for all.
constexpr long kLanes = 8;

double sum_of_lanes(const double* lanes) {
  double sum = 0;
  for (long c = 0; c < kLanes; ++c)
    sum += lanes[c];
  return sum;
}

// |factor x|^2
double scaled_norm(const double* row, long columns, double factor) {
  double lanes[kLanes] = {};
  const auto add = [factor](double& lane, double value) {
    const double scaled = value * factor;
    lane += scaled * scaled;
  };
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long c = 0; c < kLanes; ++c)
      add(lanes[c], row[k + c]);
  }
  for (; k < columns; ++k)
    add(lanes[0], row[k]);
  return sum_of_lanes(lanes);
}

// The squares of floats stay within double's range: a power of two comes last.
double scaled_norm(const float* row, long columns, double factor) {
  double lanes[kLanes] = {};
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long c = 0; c < kLanes; ++c)
      lanes[c] += static_cast<double>(row[k + c]) * row[k + c];
  }
  for (; k < columns; ++k)
    lanes[0] += static_cast<double>(row[k]) * row[k];
  return sum_of_lanes(lanes) * factor * factor;
}

long long integer_norm(const std::uint8_t* row, long columns) {
  // Widened first: vectors multiply and add pairs of this width. 255^2 * 256 < 2^31.
  constexpr long kBlock = 256;
  std::int16_t values[kBlock];
  long long norm = 0;
  for (long begin = 0; begin < columns; begin += kBlock) {
    const long count = std::min(kBlock, columns - begin);
    for (long k = 0; k < count; ++k)
      values[k] = row[begin + k];
    std::int32_t sum = 0;
    for (long k = 0; k < count; ++k)
      sum += values[k] * values[k];
    norm += sum;
  }
  return norm;
}

}  // namespace

template <class T>
Operand<T>::Operand(const Samples& data, const std::vector<long>& columns, Product product,
                    const ProductShape& shape, const Network& network, const InputLayer& input,
                    const std::vector<TrainedShares>& outputs, int threads)
    : samples(data), padded_rows(round_up(data.rows, kTile)), row_scale(padded_rows, 1.0),
      weight_variances(prepare(columns, product, shape, input, threads)),
      table(network, outputs, weight_variances, threads) {}

template <class T>
std::vector<double> Operand<T>::prepare(const std::vector<long>& columns, Product product,
                                        const ProductShape& shape, const InputLayer& input,
                                        int threads) {
  const PanelPacker packer(samples, columns, product, shape);
  steps = packer.steps();
  left = AlignedBuffer<char>(packer.bytes(padded_rows), kUninitialised);
  right = AlignedBuffer<char>(packer.bytes(padded_rows), kUninitialised);
  start = AlignedBuffer<std::int32_t>(padded_rows);
  const bool integer = product == Product::kInteger || product == Product::kWideInteger;
  if (integer)
    norms.assign(padded_rows, 0);
  if (product == Product::kInteger) {
    norms_modular = AlignedBuffer<std::int32_t>(padded_rows);
    radius = radius_table<T>(padded_rows);
  } else if (product == Product::kWideInteger) {
    norms_wide = AlignedBuffer<double>(padded_rows);
    radius_wide = radius_table<double>(padded_rows);
  } else {
    p = AlignedBuffer<double>(padded_rows);
    v = AlignedBuffer<double>(padded_rows);
  }
  std::vector<double> variances(samples.rows);
  std::vector<AlignedBuffer<char>> scratch;
  for (int worker = 0; worker < threads; ++worker)
    scratch.emplace_back(packer.scratch_bytes(), kUninitialised);
  run_tasks(padded_rows / kTile, threads, nullptr, [&](int worker, long task) {
    const long row = task * kTile;
    for (long i = row; i < std::min(samples.rows, row + kTile); ++i)
      variances[i] =
          integer ? measure_integers(i, input, product) : measure_numbers(i, input, product);
    packer.pack_tile(row, padded_rows, row_scale.data(), left.data(), right.data(), start.data(),
                     scratch[worker].data());
  });
  return variances;
}

template <class T>
double Operand<T>::measure_integers(long i, const InputLayer& input, Product product) {
  norms[i] = integer_norm(static_cast<const std::uint8_t*>(samples.data) + i * samples.columns,
                          samples.columns);
  const double norm = static_cast<double>(norms[i]);
  const double square = norm + input.bias_term();
  if (product == Product::kInteger) {
    norms_modular[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(norms[i]));
    set_radius(radius, i, square);
  } else {
    norms_wide[i] = norm;
    set_radius(radius_wide, i, square);
  }
  return input.s * norm;
}

template <class T>
double Operand<T>::measure_numbers(long i, const InputLayer& input, Product product) {
  const auto with_row = [&](auto f) {
    const long at = i * samples.columns;
    return samples.type == SampleType::kFloat32 ? f(static_cast<const float*>(samples.data) + at)
                                                : f(static_cast<const double*>(samples.data) + at);
  };
  const double largest =
      with_row([&](auto* row) { return largest_magnitude(row, samples.columns); });
  const double scale =
      product == Product::kSlices ? fixed_point_scale(largest) : power_below(largest);
  const double norm =
      with_row([&](auto* row) { return scaled_norm(row, samples.columns, 1 / scale); });
  const RowMeasures measures = row_measures(norm, scale, input);
  row_scale[i] = scale;
  p[i] = measures.p;
  v[i] = measures.v;
  return measures.weights;
}

template struct Operand<float>;
template struct Operand<double>;

}  // namespace fastntk::cpu
