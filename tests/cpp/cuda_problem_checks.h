// SPDX-License-Identifier: Apache-2.0
// One LimitingProblem of the CUDA engine, on an emulated GPU: every array that tiles are computed
// from, against the CPU engine's.
#pragma once

#include <cmath>

#include "check.h"
#include "common/depth_table.h"
#include "common/product_choice.h"
#include "cpu/fixed_point.h"
#include "cuda/limiting_problem.h"
#include "emulated_gpu.h"
#include "gram.h"

namespace test {

using fastntk::InputLayer;
using fastntk::Product;
using fastntk::SampleType;
using fastntk::cuda::LimitingProblem;
using fastntk::cuda::ReluOrErfNetwork;
using fastntk::cuda::SideView;

struct Case {
  std::string name;
  Samples x;
  const Samples* y;
  double scale;
  Network net;
  bool exact_norms = false;  // sums of squares are exact in any order
};

inline std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.name << ", " << test.x.rows << " x " << (test.y ? test.y->rows : test.x.rows)
             << ", " << test.x.columns << " columns, " << test.net.hidden_layers()
             << " hidden layers, bias " << test.net.maps[0].bias_std;
}

// 0 where both are alike, NaN included.
inline double relative(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  return std::abs(a - b) / std::max(std::abs(a), std::abs(b));
}

template <class A, class B>
double largest_relative(const A* a, const B* b, long count) {
  double largest = 0;
  for (long i = 0; i < count; ++i) {
    const double error = relative(a[i], b[i]);
    largest = error <= largest ? largest : error;
  }
  return largest;
}

// Float tables of integers come from the same operations on the same numbers. Others are rounded from
// more digits than double has, which the rounding may tell; and from sums of squares in another order.
template <class P>
double table_bound(const Case& test) {
  const bool integer = test.x.type == SampleType::kUint8;
  if (std::is_same_v<P, float>)
    return integer ? 0 : 0x1p-23;
  return 0x1p-52 + (integer || test.exact_norms ? 0 : 2 * (test.x.columns / 8.0 + 16) * 0x1p-53);
}

template <class P>
void check_radii(const SideView<P>& view, Product product, const fastntk::cpu::Operand<P>& wanted,
                 const Case& test) {
  using fastntk::cuda::kRangeRows;
  const long rows = view.rows;
  CHECK_AT_MOST(largest_relative(view.norms, wanted.norms.data(), rows), 0.0, test);
  if (product == Product::kInteger) {
    CHECK_AT_MOST(largest_relative(view.radius_hi, wanted.radius.hi.data(), rows), 0.0, test);
    CHECK_AT_MOST(largest_relative(view.radius_lo, wanted.radius.lo.data(), rows), 0.0, test);
    CHECK_AT_MOST(largest_relative(view.half_inverse, wanted.radius.half_inverse.data(), rows), 0.0,
                  test);
  }
  for (long begin = 0; begin < rows; begin += kRangeRows) {
    const P* first = view.half_inverse + begin;
    const P* last = view.half_inverse + std::min(rows, begin + kRangeRows);
    CHECK_EQUAL(view.half_inverse_least[begin / kRangeRows], *std::min_element(first, last));
    CHECK_EQUAL(view.half_inverse_most[begin / kRangeRows], *std::max_element(first, last));
  }
}

template <class P>
void check_side(const SideView<P>& view, const Samples& samples, Product product,
                const fastntk::cpu::Operand<P>& wanted, const Case& test) {
  const long rows = samples.rows;
  CHECK_EQUAL(view.rows, rows);
  CHECK(view.samples == samples.data);
  CHECK_AT_MOST(largest_relative(view.row_scale, wanted.row_scale.data(), rows), 0.0, test);
  if (samples.type == SampleType::kUint8) {
    check_radii(view, product, wanted, test);
  } else {
    const double bound = table_bound<double>(test);
    CHECK_AT_MOST(largest_relative(view.p, wanted.p.data(), rows), bound, test);
    CHECK_AT_MOST(largest_relative(view.v, wanted.v.data(), rows), bound, test);
  }
  const double bound = table_bound<P>(test);
  const auto check_field = [&](const P* field, const auto& numbers) {
    CHECK_AT_MOST(largest_relative(field, numbers.data(), rows), bound, test);
  };
  const auto& table = wanted.table;
  check_field(view.table.first_w(), table.first.w);
  check_field(view.table.first_v(), table.first.v);
  check_field(view.scale, table.scale);
  for (int l = 0; l < test.net.hidden_layers(); ++l) {
    check_field(view.table.template w<ReluOrErfNetwork>(l), table.layers[l].w);
    check_field(view.table.template v<ReluOrErfNetwork>(l), table.layers[l].v);
    for (int k = 0; k < activation_row_scalars(test.net.activations[l]); ++k)
      check_field(view.table.template scalar<ReluOrErfNetwork>(l, k), table.layers[l].scalars[k]);
  }
}

// Columns that are not zero in all rows of one side, as the CPU engine has them.
inline std::vector<long> useful_columns(const Samples& x, const Samples& y) {
  const auto used = [](const Samples& samples, long k) {
    for (long i = 0; i < samples.rows; ++i) {
      if (samples.at(i, k) != 0)
        return true;
    }
    return false;
  };
  std::vector<long> columns;
  for (long k = 0; k < x.columns; ++k) {
    if (used(x, k) && used(y, k))
      columns.push_back(k);
  }
  return columns;
}

template <class P>
void check_plan(const LimitingProblem<P>& problem, const Case& test,
                const std::vector<TrainedShares>& outputs) {
  const fastntk::cpu::LimitingTiles<P> wanted(test.x, test.y, test.scale, test.net, outputs,
                                              "portable", 1);
  const Samples& right = test.y ? *test.y : test.x;
  const bool sliced = wanted.product() == Product::kFloat && test.net.hidden_layers() > 0 &&
                      wanted.columns() >= 128 && wanted.columns() <= 43690 &&
                      fastntk::cpu::fixed_point_serves(test.x, 1) &&
                      fastntk::cpu::fixed_point_serves(right, 1);
  CHECK(problem.product() == (sliced ? Product::kSlices : wanted.product()));
  CHECK_EQUAL(problem.columns(), wanted.columns());
  CHECK_EQUAL(problem.data_columns(), test.x.columns);
  CHECK_EQUAL(problem.tabulated(), wanted.tabulated());
  CHECK_AT_MOST(relative(problem.largest_diagonal(), wanted.largest_diagonal()),
                table_bound<double>(test), test);
  const auto view = problem.view();
  CHECK_EQUAL(problem.layers().size(), wanted.layers().size());
  for (std::size_t l = 0; l < wanted.layers().size(); ++l) {
    CHECK_EQUAL(problem.layers()[l].equal, wanted.layers()[l].equal);
    CHECK_EQUAL(problem.layers()[l].angle_level, wanted.layers()[l].angle_level);
    CHECK_EQUAL(view.layers[l].angle_level, wanted.layers()[l].angle_level);
    CHECK(view.layers[l].activation.kind == test.net.activations[l].kind);
  }
}

// Coefficients against tables made from the CPU engine's rows.
template <class P>
void check_tables(const LimitingProblem<P>& problem, const fastntk::RowRanges& ranges,
                  const std::vector<TrainedShares>& outputs, const Case& test) {
  using Table = fastntk::DepthTable<P>;
  constexpr long kCount = (Table::kDegree + 1) * Table::kPieces;
  // A rounding of P of the coefficient at 0, which is Theta / q: others are smaller, and less certain.
  const auto check_branch = [&](const P* branch, const auto& wanted) {
    const P* expected = &wanted.coefficients[0][0];
    double worst = 0;
    for (long i = 0; i < kCount; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(branch[i]) - expected[i]));
    CHECK_AT_MOST(worst, (1 + outputs.size()) * test.net.maps.size() * table_bound<P>(test), test);
  };
  const auto tables =
      fastntk::depth_tables(problem.layers(), ranges, fastntk::shares_in<P>(outputs));
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const auto view = problem.output(static_cast<int>(o));
    CHECK_EQUAL(view.acute_table != nullptr, problem.tabulated());
    if (!problem.tabulated())
      continue;
    check_branch(view.acute_table, tables[o].acute);
    CHECK_EQUAL(view.obtuse_table != nullptr, tables[o].obtuse.has_value());
    if (tables[o].obtuse)
      check_branch(view.obtuse_table, *tables[o].obtuse);
  }
}

template <class P>
void check_as(const Case& test) {
  const std::vector<TrainedShares> outputs = {ntk_shares(test.net), nngp_shares(test.net)};
  const LimitingProblem<P> problem(test.x, test.y, test.scale, test.net, outputs, gpu());
  check_plan(problem, test, outputs);
  const Samples& right = test.y ? *test.y : test.x;
  const std::vector<long> columns = useful_columns(test.x, right);
  const InputLayer input = input_layer(test.net, test.x.type, test.x.columns, test.scale);
  const fastntk::cpu::ProductShape shape{4, 4, problem.product() == Product::kSlices ? 4 : 1, 0, 1};
  const auto operand = [&](const Samples& samples) {
    return fastntk::cpu::Operand<P>(samples, columns, problem.product(), shape, test.net, input,
                                    outputs, 1);
  };
  const auto view = problem.view();
  CHECK_EQUAL(view.symmetric, test.y == nullptr);
  CHECK_EQUAL(view.runs, fastntk::cuda::packed_runs(problem.product(), problem.columns()));
  const fastntk::cpu::Operand<P> rows = operand(test.x);
  check_side(view.rows, test.x, problem.product(), rows, test);
  fastntk::RowRanges ranges = rows.table.ranges(test.net, test.x.rows);
  double most = 1;
  bool all_normal = true;  // too small or too large for P: the ratio is lost here
  for (long i = 0; i < test.x.rows; ++i) {
    const P scale = rows.table.scale[i], theta = rows.table.diagonals[0][i];
    if (std::isnormal(theta) && std::isnormal(scale))
      most = std::max<double>(most, static_cast<double>(theta) / scale / scale);
    else
      all_normal = false;
  }
  CHECK_AT_MOST(most, (1 + 1e-6) * problem.largest_normalised_diagonal(), test);
  if (test.y == nullptr) {
    if (all_normal)
      CHECK_AT_MOST(problem.largest_normalised_diagonal(), (1 + 1e-6) * most, test);
    for (int o = 0; o < problem.outputs(); ++o)
      CHECK_AT_MOST(
          largest_relative(problem.output(o).diagonal, rows.table.diagonals[o].data(), test.x.rows),
          table_bound<P>(test), test);
  } else {
    const fastntk::cpu::Operand<P> cols = operand(*test.y);
    check_side(view.cols, *test.y, problem.product(), cols, test);
    ranges = joined(ranges, cols.table.ranges(test.net, test.y->rows), test.net);
    CHECK(problem.output(0).diagonal == nullptr);
  }
  check_tables(problem, ranges, outputs, test);
  CHECK(problem.output(0).all_trained);
  CHECK_EQUAL(problem.output(1).all_trained, test.net.hidden_layers() == 0);
  CHECK_EQUAL(problem.output(1).shares[test.net.hidden_layers()].weights, P(1));
  CHECK_EQUAL(problem.output(1).shares[0].weights, P(test.net.hidden_layers() == 0 ? 1 : 0));
}

inline void check_case(const Case& test) {
  check_as<float>(test);
  check_as<double>(test);
}

}  // namespace test
