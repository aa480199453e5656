// SPDX-License-Identifier: Apache-2.0
// Float rows in 24-bit fixed point, three signed bytes to a number, where an instruction set
// multiplies them so.
#include <cmath>

#include "check.h"
#include "gram.h"
#include "kernel_problem.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Product;
using fastntk::SampleType;

constexpr long kMostColumns = 43690;  // 3 products of two bytes each: 3 * 2^14 * 43690 < 2^31

Rows float_rows(long columns, const std::vector<double>& values) {
  return Rows(SampleType::kFloat32, columns, values);
}

void check_rows(const char* name, const Rows& rows, long count) {
  for (const int depth : {1, 2, 3}) {
    for (const double bias_std : {0.0, 0.1})
      check_problem({name, rows.view(0, count), nullptr, 1.0, network(depth, bias_std)});
  }
}

void route() {
  const Rows rows({SampleType::kFloat32, true, false}, 60, 130, 1);
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    const Product expected = isa == "amx" ? Product::kSlices : Product::kFloat;
    for (const int depth : {0, 1, 2}) {
      const Network net = network(depth, 0.1);
      const LimitingKernel<float> kernel(rows.view(0, 60), nullptr, 1.0, net, {ntk_shares(net)},
                                         isa, 1);
      const Product products[] = {Product::kFloat, Product::kDouble, expected};
      CHECK(kernel.route().product == products[depth]);
      const LimitingKernel<double> wide(rows.view(0, 60), nullptr, 1.0, net, {ntk_shares(net)}, isa,
                                        1);
      CHECK(wide.route().product == Product::kDouble);
    }
  }
}

// Values of every size in the range of float.
void sizes_of_rows() {
  constexpr long kCount = 70, kColumns = 129;
  Random random(2);
  std::vector<double> values;
  for (long i = 0; i < kCount; ++i) {
    const int exponent = static_cast<int>(random.below(80)) - 40;
    for (long k = 0; k < kColumns; ++k)
      values.push_back(std::ldexp(random.bell(), exponent));
  }
  check_rows("rows of all sizes", float_rows(kColumns, values), kCount);
}

// The largest sums that 32 bits must hold: bytes of -128 and 127, as many as there may be; and one
// column more, which goes another way.
void full_bytes() {
  constexpr long kCount = 36;
  const double largest = 2 - std::ldexp(1.0, -22);
  for (const long columns : {127L, 1000L, kMostColumns, kMostColumns + 1}) {
    Random random(static_cast<std::uint64_t>(columns));
    std::vector<double> values(kCount * columns);
    for (double& value : values)
      value = random.uniform() < 0.5 ? -largest : largest;
    // One row twice, and once with the other sign.
    for (long k = 0; k < columns; ++k) {
      values[(kCount - 1) * columns + k] = values[k];
      values[(kCount - 2) * columns + k] = -values[k];
    }
    const Rows rows = float_rows(columns, values);
    check_problem({"full bytes", rows.view(0, kCount), nullptr, 1.0, network(2, 0.0)});
    check_problem({"full bytes", rows.view(0, kCount), nullptr, 1.0, network(3, 0.1)});
    for (const std::string& isa : fastntk::cpu::supported_isas()) {
      const Network net = network(2, 0.0);
      const LimitingKernel<float> kernel(rows.view(0, kCount), nullptr, 1.0, net, {ntk_shares(net)},
                                         isa, 1);
      const bool sliced = isa == "amx" && columns >= 128 && columns <= kMostColumns;
      CHECK_EQUAL(kernel.route().product == Product::kSlices, sliced);
    }
  }
}

// A background whose third digits are alike, beside one large number in each row.
void common_third_digits() {
  constexpr long kCount = 33;
  for (const double background : {127.0, 301.0, 25727.0}) {
    for (const double large : {65000.0, 4194304.0}) {
      constexpr long kColumns = 4096;
      std::vector<double> values(kCount * kColumns, background);
      for (long i = 0; i < kCount; ++i)
        values[i * kColumns + 3 * i] = large;
      check_rows("common third digits", float_rows(kColumns, values), kCount);
    }
  }
}

// One number so large that the rest of its row lies in the lowest byte.
void outliers() {
  constexpr long kCount = 40, kColumns = 784;
  for (const double large : {1e2, 1e4, 1e6, 1e7, 1e9}) {
    Random random(4);
    std::vector<double> values(kCount * kColumns);
    for (double& value : values)
      value = random.uniform() < 0.5 ? 0 : 1;
    for (long i = 0; i < kCount; i += 2)
      values[i * kColumns + i] = large;
    check_rows("outliers", float_rows(kColumns, values), kCount);
  }
}

}  // namespace

int main() {
  route();
  sizes_of_rows();
  full_bytes();
  outliers();
  common_third_digits();
  return test::summary();
}
