// SPDX-License-Identifier: Apache-2.0
// Rows packed for the products of the CUDA engine, on an emulated GPU: against plain loops.
#include <cmath>
#include <cstring>

#include "check.h"
#include "common/product_choice.h"
#include "cuda/packing.h"
#include "cuda/problem.h"
#include "emulated_gpu.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::kSlices;
using fastntk::Product;
using fastntk::Samples;
using fastntk::SampleType;
using fastntk::cuda::kRunBytes;

int value_bytes(Product product) {
  switch (product) {
  case Product::kInteger:
  case Product::kSlices:
    return 1;
  case Product::kFloat:
    return 4;
  default:
    return 8;
  }
}

template <class Number>
double number_at(const char* row, long k) {
  Number number;
  std::memcpy(&number, row + k * static_cast<long>(sizeof number), sizeof number);
  return static_cast<double>(number);
}

// Value k of a packed row; of fixed point, the integer.
double packed(const char* row, Product product, long k) {
  switch (product) {
  case Product::kInteger:
    return number_at<std::uint8_t>(row, k);
  case Product::kFloat:
    return number_at<float>(row, k);
  case Product::kSlices: {
    double sum = 0;
    for (int digit = 0; digit < kSlices; ++digit)
      sum = 256 * sum + number_at<signed char>(row, (k / kRunBytes * kSlices + digit) * kRunBytes +
                                                        k % kRunBytes);
    return sum;
  }
  default:
    return number_at<double>(row, k);
  }
}

double wanted(double scaled, Product product) {
  if (product == Product::kFloat)
    return static_cast<float>(scaled);
  return product == Product::kSlices ? std::nearbyint(std::ldexp(scaled, 22)) : scaled;
}

// The largest power of two at or below the row's largest magnitude; of fixed point the next one where
// three bytes hold no more than 1.99 times 2^22.
double scale_of(double largest, Product product) {
  if (largest == 0)
    return 1;
  const double scale = std::ldexp(1.0, std::max(std::ilogb(largest), -1022));
  return product == Product::kSlices && largest / scale > 1.99 ? 2 * scale : scale;
}

void check_rows(const Samples& samples, Product product, const std::vector<int>& columns,
                bool all_columns) {
  const auto context = gpu();
  const long rows = samples.rows, count = static_cast<long>(columns.size());
  const bool integer = samples.type == SampleType::kUint8;
  std::vector<double> largest(rows), p(rows, 0.75), row_scale(rows, 1);
  for (long i = 0; i < rows && !integer; ++i) {
    for (long k = 0; k < samples.columns; ++k)
      largest[i] = std::max(largest[i], std::abs(samples.at(i, k)));
    row_scale[i] = scale_of(largest[i], Product::kFloat);
  }
  const std::vector<double> power = row_scale;
  const long row_bytes = fastntk::cuda::packed_row_bytes(product, count);
  const int runs = fastntk::cuda::packed_runs(product, count);
  const long length = runs * kRunBytes / value_bytes(product);
  CHECK_EQUAL(row_bytes, runs * kRunBytes * (product == Product::kSlices ? kSlices : 1));
  CHECK(length >= count && (runs == 1 || length - count < kRunBytes / value_bytes(product)));
  const fastntk::cuda::DeviceArray<char> panel(context, rows * row_bytes);
  pack_rows({samples, all_columns ? nullptr : columns.data(), count, panel.data(), row_bytes,
             largest.data(), p.data(), row_scale.data()},
            product, context);
  long wrong = 0;
  for (long i = 0; i < rows; ++i) {
    const double scale = integer ? 1 : scale_of(largest[i], product);
    wrong += row_scale[i] != scale || p[i] != 0.75 * scale / power[i];
    for (long k = 0; k < length; ++k) {
      const double value = k < count ? samples.at(i, columns[k]) : 0;
      wrong += packed(panel.data() + i * row_bytes, product, k) != wanted(value / scale, product);
    }
  }
  CHECK_AT_MOST(wrong, 0, product_name(product));
}

// All columns, some of them, and none.
void check_columns(const Samples& samples, Product product) {
  std::vector<int> all, some;
  for (int k = 0; k < samples.columns; ++k) {
    all.push_back(k);
    if (k % 7 != 3 && k > 1)
      some.push_back(k);
  }
  check_rows(samples, product, all, true);
  check_rows(samples, product, some, false);
  check_rows(samples, product, {}, false);
}

// Rows of every size that the type has, a row of zeros, and largest values just below a power of two.
std::vector<double> values_of_all_sizes(SampleType type, long rows, long columns) {
  const int most = type == SampleType::kFloat32 ? 126 : 1020;
  Random random(5);
  std::vector<double> values;
  for (long i = 0; i < rows; ++i) {
    const int exponent = i == 0 ? -most - 20 : static_cast<int>(random.below(2 * most)) - most;
    for (long k = 0; k < columns; ++k)
      values.push_back(i == 1 ? 0 : std::ldexp(random.bell() / 4, exponent));
    if (i % 3 == 2)
      values[i * columns + columns / 2] = std::ldexp(1.995, exponent);
  }
  return values;
}

}  // namespace

int main() {
  for (const long columns : {1L, 63L, 64L, 65L, 200L}) {
    for (const long rows : {1L, 8L, 19L}) {
      const Rows bytes({SampleType::kUint8, false, false}, rows, columns, 3);
      check_columns(bytes.view(0, rows), Product::kInteger);
      check_columns(bytes.view(0, rows), Product::kWideInteger);
      const Rows floats(SampleType::kFloat32, columns,
                        values_of_all_sizes(SampleType::kFloat32, rows, columns));
      for (const Product product : {Product::kFloat, Product::kSlices, Product::kDouble})
        check_columns(floats.view(0, rows), product);
      const Rows doubles(SampleType::kFloat64, columns,
                         values_of_all_sizes(SampleType::kFloat64, rows, columns));
      check_columns(doubles.view(0, rows), Product::kDouble);
    }
  }
  return test::summary();
}
