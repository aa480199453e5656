// SPDX-License-Identifier: Apache-2.0
#include "cpu/limiting_tiles.h"

#include <algorithm>
#include <cmath>

#include "common/close_pairs.h"
#include "common/product_choice.h"
#include "cpu/data_scan.h"
#include "cpu/fixed_point.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// Columns that are not zero in all rows of X or in all rows of Y.
std::vector<long> useful_columns(const DataScan& x, const DataScan& y) {
  std::vector<long> columns;
  for (std::size_t k = 0; k < x.used.size(); ++k) {
    if (x.used[k] && y.used[k])
      columns.push_back(static_cast<long>(k));
  }
  return columns;
}

// By lanes, so that the compiler has vectors.
template <class Value>
PairSums pair_sums(const Value* x, const Value* y, long columns, double scale) {
  constexpr long kLanes = 4;
  double dot[kLanes] = {}, norm_x[kLanes] = {}, norm_y[kLanes] = {};
  const auto add = [&](long lane, long k) {
    const double a = x[k] * scale, b = y[k] * scale;
    dot[lane] += a * b;
    norm_x[lane] += a * a;
    norm_y[lane] += b * b;
  };
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (long lane = 0; lane < kLanes; ++lane)
      add(lane, k + lane);
  }
  for (; k < columns; ++k)
    add(0, k);
  return {dot[0] + dot[1] + dot[2] + dot[3], norm_x[0] + norm_x[1] + norm_x[2] + norm_x[3],
          norm_y[0] + norm_y[1] + norm_y[2] + norm_y[3]};
}

// Of float32 rows, see common/close_pairs.h.
bool mostly_close(const Samples& x, const Samples& y, const InputLayer& input, double threshold) {
  const long sample = close_pair_sample(x.rows, y.rows);
  const float* rows = static_cast<const float*>(x.data);
  const float* cols = static_cast<const float*>(y.data);
  long close = 0;
  for (long s = 0; s < sample; ++s) {
    const float* row = rows + sampled_row(s, x.rows) * x.columns;
    const float* col = cols + sampled_col(s, y.rows) * x.columns;
    const PairSums sums = pair_sums(row, col, x.columns, input.data_scale);
    close += is_close(sums, input.bias_term(), threshold);
  }
  return too_many_close(close, sample);
}

}  // namespace

template <class P>
LimitingTiles<P>::LimitingTiles(const Samples& x, const Samples* y, double scale,
                                const Network& network, const std::vector<TrainedShares>& outputs,
                                Derivatives derivatives, const std::string& isa, int threads) {
  network.validate();
  require(x.rows > 0 && x.columns > 0, "X must not be empty");
  require(!outputs.empty(), "a kernel has at least one output");
  require(scale > 0, "scale must be positive");
  require(y == nullptr || (y->columns == x.columns && y->type == x.type && y->rows > 0),
          "X and Y must match");
  const InputLayer input = input_layer(network, x.type, x.columns, scale);
  const Engine<P>& chosen = engine<P>(isa);
  // Fewer workers than tasks: the rows of one tile take less time than a thread takes to start.
  const ThreadLease lease(threads, ceil_div(std::max(x.rows, y ? y->rows : 0), kTile));
  const DataScan scan_x = scan_data(x, lease.threads());
  const DataScan scan_y = y ? scan_data(*y, lease.threads()) : scan_x;
  const std::vector<long> columns = useful_columns(scan_x, scan_y);
  columns_ = static_cast<long>(columns.size());
  const Samples& right_data = y ? *y : x;
  const int hidden_layers = network.hidden_layers();
  const auto serves = [&](const Samples& data) {
    return fixed_point_serves(data, lease.threads());
  };
  const Product product = choose_product(
      {x.type, x.columns, columns_, input.bias_term(), hidden_layers, sizeof(P) == sizeof(double),
       chosen.float_product,
       [&] {
         return mostly_close(x, right_data, input, close_deficit(Product::kFloat, hidden_layers));
       },
       [&] { return serves(x) && (y == nullptr || serves(*y)); }});
  const ProductShape& shape = chosen.shapes[static_cast<int>(product)];
  const bool differentiates = derivatives != Derivatives::kNone;
  const bool nngp = derivatives == Derivatives::kNngp;
  const auto prepare = [&](const Samples& samples) {
    auto operand = std::make_unique<Operand<P>>(samples, columns, product, shape, network, input,
                                                outputs, lease.threads());
    if (differentiates)
      operand->gradients =
          std::make_unique<RowGradients>(network, nngp, operand->weight_variances, lease.threads());
    return operand;
  };
  rows_ = prepare(x);
  if (y)
    cols_ = prepare(*y);
  const Operand<P>& right = cols_ ? *cols_ : *rows_;
  const bool acute = !scan_x.negative && !scan_y.negative;
  RowRanges ranges = rows_->table.ranges(network, x.rows);
  if (y)
    ranges = joined(ranges, right.table.ranges(network, y->rows), network);
  plan_ = {rows_.get(),
           &right,
           product,
           &chosen,
           input,
           input.bias_term(),
           admitted_loss(hidden_layers),
           plan_layers(network, ranges, acute),
           network.tables,
           shares_in<P>(outputs),
           all_trained(outputs),
           {},
           close_deficit(product, hidden_layers),
           nngp};
  if (!differentiates && x.rows * right.samples.rows >= kTableEntries)
    plan_.tables = depth_tables(plan_.layers, ranges, plan_.shares);
}

template <class P>
double LimitingTiles<P>::largest_diagonal() const {
  double largest = 0;
  for (const Operand<P>* side : {rows_.get(), cols_.get()}) {
    if (side != nullptr)
      largest = std::max(largest, side->table.largest_diagonal);
    if (side != nullptr && side->gradients)
      largest = std::max(largest, side->gradients->largest_diagonal);
  }
  return largest;
}

template class LimitingTiles<float>;
template class LimitingTiles<double>;

}  // namespace fastntk::cpu
