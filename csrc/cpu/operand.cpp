// SPDX-License-Identifier: Apache-2.0
#include "cpu/operand.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

constexpr long kRowsPerTask = 64;

// hi + lo = sqrt(n + B) to twice the digits of T.
template <class T>
void set_radius(RadiusTable<T>& table, long i, double square) {
  const double root = std::sqrt(square);
  const double rest = root > 0 ? std::fma(-root, root, square) / (2 * root) : 0;
  table.hi[i] = static_cast<T>(root);
  table.lo[i] = static_cast<T>((root - static_cast<double>(table.hi[i])) + rest);
  table.half_inverse[i] = root > 0 ? static_cast<T>(0.5 / root) : T(0);
}

double square_of(double a) { return a * a; }

template <class T>
RadiusTable<T> radius_table(long rows) {
  return {AlignedBuffer<T>(rows), AlignedBuffer<T>(rows), AlignedBuffer<T>(rows)};
}

// Value k of a row as a panel holds it.
std::int32_t integer_word(const std::uint8_t* row, const std::vector<long>& columns,
                          std::size_t step, int group, int offset) {
  std::uint32_t word = 0;
  const int bits = 32 / group;
  for (int g = 0; g < group; ++g) {
    const std::size_t k = step * group + g;
    const int value = k < columns.size() ? row[columns[k]] - offset : 0;
    word |= (static_cast<std::uint32_t>(value) & ((1u << bits) - 1)) << (bits * g);
  }
  return static_cast<std::int32_t>(word);
}

}  // namespace

template <class T>
Operand<T>::Operand(const Samples& data, const std::vector<long>& columns, Product product,
                    const ProductShape& shape, const Network& network, const InputLayer& input,
                    const std::vector<TrainedShares>& outputs, int threads)
    : samples(data), padded_rows(round_up(data.rows, kTile)),
      steps(round_up(ceil_div(static_cast<long>(columns.size()), shape.group), shape.left_run)), row_scale(padded_rows, 1.0),
      table(network, outputs, measure(input, product, threads)) {
  pack(columns, product, shape, threads);
}

// Norms and radii of every row; returns what the weights add to the variances of the first
// preactivations.
template <class T>
std::vector<double> Operand<T>::measure(const InputLayer& input, Product product, int threads) {
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
  const double bias_term = input.bias_term();
  std::vector<double> variances(padded_rows, 0.0);
  const auto measure_integers = [&](long i) {
    long long norm = 0;
    const std::uint8_t* row = static_cast<const std::uint8_t*>(samples.data) + i * samples.columns;
    for (long k = 0; k < samples.columns; ++k)
      norm += static_cast<int>(row[k]) * row[k];
    norms[i] = norm;
    const double square = static_cast<double>(norm) + bias_term;
    if (product == Product::kInteger) {
      norms_modular[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(norm));
      set_radius(radius, i, square);
    } else {
      norms_wide[i] = static_cast<double>(norm);
      set_radius(radius_wide, i, square);
    }
    variances[i] = input.s * static_cast<double>(norm);
  };
  const auto measure_numbers = [&](long i) {
    double largest = 0;
    for (long k = 0; k < samples.columns; ++k)
      largest = std::max(largest, std::abs(samples.at(i, k)));
    // A power of two, so that scaling is exact; its range keeps both it and its inverse finite.
    const double scale = largest > 0 ? std::ldexp(1.0, std::max(std::ilogb(largest), -1022)) : 1.0;
    const double inverse = 1 / scale;
    double norm = 0;
    for (long k = 0; k < samples.columns; ++k)
      norm += square_of(samples.at(i, k) * inverse);
    // With r = size sqrt(norm + B / size^2), written so that neither extreme overflows.
    const double size = scale * input.data_scale;
    const double radius_over_size = std::sqrt(norm + bias_term / size / size);
    row_scale[i] = scale;
    p[i] = radius_over_size > 0 ? 1 / radius_over_size : 0;
    variances[i] = norm > 0 ? input.s * size * size * norm : 0;
    const double variance = variances[i] + input.bias_std * input.bias_std;
    v[i] = variance > 0 ? input.bias_std / std::sqrt(variance) : 0;
  };
  run_tasks(ceil_div(samples.rows, kRowsPerTask), threads, nullptr, [&](int, long task) {
    for (long i = task * kRowsPerTask; i < std::min(samples.rows, (task + 1) * kRowsPerTask); ++i) {
      if (integer) {
        measure_integers(i);
      } else {
        measure_numbers(i);
      }
    }
  });
  return variances;
}

template <class T>
void Operand<T>::pack(const std::vector<long>& columns, Product product, const ProductShape& shape,
                      int threads) {
  const std::size_t word = product == Product::kInteger || product == Product::kFloat ? 4 : 8;
  left = AlignedBuffer<char>(padded_rows * steps * word);
  right = AlignedBuffer<char>(padded_rows * steps * word);
  start = AlignedBuffer<std::int32_t>(padded_rows);

  // Position of row i's word k in a panel of `height` rows.
  const auto position = [&](long i, long k, int height, int run) {
    return (i / height * steps + k/run*run) * height + i % height*run+k%run;
  };
  const auto put = [&](auto value, long i, long k, AlignedBuffer<char>& panels, int height) {
    std::memcpy(panels.data() + position(i, k, height, &panels==&left?shape.left_run:1) * sizeof value, &value, sizeof value);
  };
  const auto pack_row = [&](long i) {
    if (product == Product::kInteger) {
      const std::uint8_t* row =
          static_cast<const std::uint8_t*>(samples.data) + i * samples.columns;
      std::uint32_t sum = 0;
      for (const long k : columns)
        sum += row[k];
      start[i] = static_cast<std::int32_t>(sum * static_cast<std::uint32_t>(shape.right_offset));
      for (long k = 0; k < steps; ++k) {
        put(integer_word(row, columns, k, shape.group, 0), i, k, left, shape.left_rows);
        put(integer_word(row, columns, k, shape.group, shape.right_offset), i, k, right,
            shape.right_rows);
      }
      return;
    }
    const double inverse = 1 / row_scale[i];
    for (long k = 0; k < steps; ++k) {
      const double value = samples.at(i, columns[k]) * inverse;
      if (product == Product::kFloat) {
        put(static_cast<float>(value), i, k, left, shape.left_rows);
        put(static_cast<float>(value), i, k, right, shape.right_rows);
      } else {
        put(value, i, k, left, shape.left_rows);
        put(value, i, k, right, shape.right_rows);
      }
    }
  };
  run_tasks(padded_rows / kRowsPerTask, threads, nullptr, [&](int, long task) {
    for (long i = task * kRowsPerTask; i < std::min(samples.rows, (task + 1) * kRowsPerTask); ++i)
      pack_row(i);
  });
}

template struct Operand<float>;
template struct Operand<double>;

}  // namespace fastntk::cpu
