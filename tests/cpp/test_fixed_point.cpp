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
using fastntk::cpu::Product;
using fastntk::cpu::SampleType;

constexpr long kMostColumns = 43690;  // 3 products of two bytes each: 3 * 2^14 * 43690 < 2^31

Rows float_rows(long columns, const std::vector<double>& values) {
  return Rows(SampleType::kFloat32, columns, values);
}

void check_rows(const char* name, const Rows& rows, long count) {
  for (const int depth : {1, 3}) {
    for (const double bias_std : {0.0, 0.1})
      check_problem({name, rows.view(0, count), nullptr, 1.0, network(depth, bias_std)});
  }
}

void route() {
  const Rows rows({SampleType::kFloat32, true, false}, 60, 20, 1);
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    const Product expected = isa == "amx" ? Product::kSlices : Product::kFloat;
    for (const int depth : {0, 1}) {
      const Network net = network(depth, 0.1);
      const LimitingKernel<float> kernel(rows.view(0, 60), nullptr, 1.0, net, {ntk_shares(net)},
                                         isa, 1);
      CHECK(kernel.route().product == (depth > 0 ? expected : Product::kFloat));
      const LimitingKernel<double> wide(rows.view(0, 60), nullptr, 1.0, net, {ntk_shares(net)}, isa,
                                        1);
      CHECK(wide.route().product == Product::kDouble);
    }
  }
}

// Values of every size in the range of float.
void sizes_of_rows() {
  constexpr long kCount = 70, kColumns = 65;
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
  for (const long columns : {64L, 1000L, kMostColumns, kMostColumns + 1}) {
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
    check_problem({"full bytes", rows.view(0, kCount), nullptr, 1.0, network(1, 0.0)});
    check_problem({"full bytes", rows.view(0, kCount), nullptr, 1.0, network(3, 0.1)});
    for (const std::string& isa : fastntk::cpu::supported_isas()) {
      const Network net = network(1, 0.0);
      const LimitingKernel<float> kernel(rows.view(0, kCount), nullptr, 1.0, net, {ntk_shares(net)},
                                         isa, 1);
      const bool sliced = isa == "amx" && columns <= kMostColumns;
      CHECK_EQUAL(kernel.route().product == Product::kSlices, sliced);
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
  return test::summary();
}
