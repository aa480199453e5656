// SPDX-License-Identifier: Apache-2.0
#include "cpu/limiting_tiles.h"

#include <algorithm>
#include <cmath>

#include "common/input_layer.h"
#include "cpu/data_scan.h"
#include "cpu/fixed_point.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// Largest number of columns whose distances fit 31 bits: 255^2 * 33,025 < 2^31.
constexpr long kIntegerColumns = 33025;

// Largest number of columns whose products of bytes, three to a sum, fit 31 bits.
constexpr long kSliceColumns = 43690;
constexpr long kLeastSliceColumns = 128;

// Largest B for which products of float radii neither overflow nor vanish.
constexpr double kLargestBiasTerm = 1e15;

// Entries for which a table is worth its making: it replaces the layers of a tile in less time.
constexpr long kTableEntries = kTileArea;

// Of the relative error of Theta, h dx / (2 pi sqrt x), what the products may take: the deficits
// below the x where they would take more are recomputed directly. dx is the error of a deficit from
// products (measured on Gaussian, non-negative and MNIST data).
struct ProductError {
  double deficit;
  double share;
};
constexpr ProductError kFloatError{8e-8, 2e-7};
constexpr ProductError kDoubleError{5e-16, 4e-14};

double close_deficit(const ProductError& error, int hidden_layers) {
  const double root = hidden_layers * error.deficit / (2 * M_PI * error.share);
  // In deep networks Theta falls off in sqrt x before the linear law ends: the logarithmic slope is
  // at most about 0.3 / x.
  return std::min(root * root, 0.3 * error.deficit / error.share);
}

// Columns that are not zero in all rows of X or in all rows of Y.
std::vector<long> useful_columns(const DataScan& x, const DataScan& y) {
  std::vector<long> columns;
  for (std::size_t k = 0; k < x.used.size(); ++k) {
    if (x.used[k] && y.used[k])
      columns.push_back(static_cast<long>(k));
  }
  return columns;
}

struct PairSums {
  double dot, norm_x, norm_y;
};

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

// Would more than a twentieth of the pairs of float32 rows be recomputed? Judged on a fixed sample
// of pairs, a small one where there are few; then doubles are the faster way.
bool mostly_close(const Samples& x, const Samples& y, const InputLayer& input, double threshold) {
  constexpr long kLargestSample = 400, kPairsPerSample = 512;
  constexpr double kShare = 0.05;
  const long sample = std::min(kLargestSample, x.rows * y.rows / kPairsPerSample + 1);
  const float* rows = static_cast<const float*>(x.data);
  const float* cols = static_cast<const float*>(y.data);
  const double bias = input.bias_term();
  long close = 0;
  for (long s = 0; s < sample; ++s) {
    const long i = s * 7919 % x.rows, j = (s * 104729 + 1) % y.rows;
    const PairSums sums =
        pair_sums(rows + i * x.columns, cols + j * x.columns, x.columns, input.data_scale);
    close += std::abs(sums.dot + bias) >
             (1 - 2 * threshold) * std::sqrt((sums.norm_x + bias) * (sums.norm_y + bias));
  }
  return close > kShare * sample;
}

template <class T>
std::vector<std::vector<Shares<T>>> shares_in(const std::vector<TrainedShares>& outputs) {
  std::vector<std::vector<Shares<T>>> shares;
  for (const TrainedShares& output : outputs) {
    shares.emplace_back();
    for (std::size_t l = 0; l < output.weights.size(); ++l) {
      shares.back().push_back(
          {static_cast<T>(output.weights[l]), static_cast<T>(output.biases[l])});
    }
  }
  return shares;
}

std::vector<bool> all_trained(const std::vector<TrainedShares>& outputs) {
  const auto all_ones = [](const std::vector<double>& shares) {
    return std::all_of(shares.begin(), shares.end(), [](double share) { return share == 1; });
  };
  std::vector<bool> all;
  for (const TrainedShares& output : outputs)
    all.push_back(all_ones(output.weights) && all_ones(output.biases));
  return all;
}

template <class T>
Product choose_product(const Samples& x, const Samples& y, long columns, const InputLayer& input,
                       int hidden_layers, Product float_product, int threads) {
  if (x.type == SampleType::kUint8) {
    const bool narrow = x.columns <= kIntegerColumns && input.bias_term() < kLargestBiasTerm;
    return narrow ? Product::kInteger : Product::kWideInteger;
  }
  if (x.type == SampleType::kFloat64 || sizeof(T) == sizeof(double))
    return Product::kDouble;
  const double threshold = close_deficit(kFloatError, hidden_layers);
  if (mostly_close(x, y, input, threshold))
    return Product::kDouble;
  // Without hidden layers a kernel is the inner product itself, which may be far smaller than the
  // rows whose fixed point it would come from.
  // In short rows roundings do not average out, nor do products take long.
  const bool sliced = float_product == Product::kSlices && hidden_layers > 0 &&
                      columns >= kLeastSliceColumns && columns <= kSliceColumns &&
                      fixed_point_serves(x, threads) &&
                      (&x == &y || fixed_point_serves(y, threads));
  return sliced ? Product::kSlices : Product::kFloat;
}

}  // namespace

const char* product_name(Product product) {
  switch (product) {
  case Product::kInteger:
    return "exact 32-bit integers";
  case Product::kWideInteger:
    return "exact integers in double";
  case Product::kFloat:
    return "float, summed in double";
  case Product::kSlices:
    return "24-bit fixed point";
  default:
    return "double";
  }
}

template <class P>
LimitingTiles<P>::LimitingTiles(const Samples& x, const Samples* y, double scale,
                                const Network& network, const std::vector<TrainedShares>& outputs,
                                const std::string& isa, int threads) {
  const bool integer = x.type == SampleType::kUint8;
  const double forward = network.maps[0].weight_std * (integer ? scale : 1.0);
  const InputLayer input{forward * forward / static_cast<double>(x.columns), integer ? 1.0 : scale,
                         network.maps[0].bias_std};
  const Engine<P>& chosen = engine<P>(isa);
  // Fewer workers than tasks: the rows of one tile take less time than a thread takes to start.
  const ThreadLease lease(threads, ceil_div(std::max(x.rows, y ? y->rows : 0), kTile));
  const DataScan scan_x = scan_data(x, lease.threads());
  const DataScan scan_y = y ? scan_data(*y, lease.threads()) : scan_x;
  const std::vector<long> columns = useful_columns(scan_x, scan_y);
  columns_ = static_cast<long>(columns.size());
  const Product product = choose_product<P>(x, y ? *y : x, columns_, input, network.hidden_layers(),
                                            chosen.float_product, lease.threads());
  const ProductShape& shape = chosen.shapes[static_cast<int>(product)];
  const auto prepare = [&](const Samples& samples) {
    return std::make_unique<Operand<P>>(samples, columns, product, shape, network, input, outputs,
                                        lease.threads());
  };
  rows_ = prepare(x);
  if (y)
    cols_ = prepare(*y);
  const Operand<P>& right = cols_ ? *cols_ : *rows_;
  const bool acute = !scan_x.negative && !scan_y.negative;
  const bool rounded = product == Product::kFloat || product == Product::kSlices;
  const ProductError& error = rounded ? kFloatError : kDoubleError;
  plan_ = {rows_.get(),
           &right,
           product,
           &chosen,
           input,
           input.bias_term(),
           admitted_loss(network.hidden_layers()),
           plan_layers(network, *rows_, right, acute),
           shares_in<P>(outputs),
           all_trained(outputs),
           {},
           close_deficit(error, network.hidden_layers())};
  if (x.rows * right.samples.rows >= kTableEntries)
    plan_.tables = depth_tables(plan_);
}

template <class P>
double LimitingTiles<P>::largest_diagonal() const {
  return std::max(rows_->table.largest_diagonal, cols_ ? cols_->table.largest_diagonal : 0.0);
}

template class LimitingTiles<float>;
template class LimitingTiles<double>;

}  // namespace fastntk::cpu
