// SPDX-License-Identifier: Apache-2.0
#include "cuda/limiting_problem.h"

#include <algorithm>
#include <limits>

#include "common/close_pairs.h"
#include "common/depth_table.h"
#include "common/error.h"
#include "common/product_choice.h"
#include "cuda/survey.h"
#include "cuda/upload.h"

namespace fastntk::cuda {
namespace {

template <class T>
std::vector<Shares<T>> flat_shares(const std::vector<TrainedShares>& outputs) {
  std::vector<Shares<T>> flat;
  for (const std::vector<Shares<T>>& one : shares_in<T>(outputs))
    flat.insert(flat.end(), one.begin(), one.end());
  return flat;
}

template <class P>
constexpr std::size_t kBranchNumbers = (DepthTable<P>::kDegree + 1) * DepthTable<P>::kPieces;

template <class P>
void append_branch(const typename DepthTable<P>::Branch& branch, std::vector<P>& to) {
  const P* first = &branch.coefficients[0][0];
  to.insert(to.end(), first, first + kBranchNumbers<P>);
}

}  // namespace

template <class P>
LimitingProblem<P>::LimitingProblem(const Samples& x, const Samples* y, double scale,
                                    const Network& network,
                                    const std::vector<TrainedShares>& outputs,
                                    Derivatives derivatives, const Context& context)
    : derivatives_(derivatives), type_(x.type), data_columns_(x.columns),
      hidden_layers_(network.hidden_layers()), any_network_(!is_relu_or_erf(network)),
      input_(input_layer(network, x.type, x.columns, scale)), all_trained_(all_trained(outputs)) {
  network.validate();
  require(sizeof(P) == sizeof(double) || !any_network_, "this network takes a recursion in double");
  require(x.rows > 0 && x.columns > 0, "X must not be empty");
  require(!outputs.empty(), "a kernel has at least one output");
  require(scale > 0, "scale must be positive");
  require(y == nullptr || (y->columns == x.columns && y->type == x.type && y->rows > 0),
          "X and Y must match");
  constexpr long kMost = std::numeric_limits<int>::max();
  require(x.columns <= kMost, "too many columns");
  require(x.rows <= kMost - kRangeRows && (!y || y->rows <= kMost - kRangeRows), "too many rows");
  DataSummary summary(x.columns, RowFields(network), context);
  survey(x, y, network, outputs, context, summary);
  choose(x, y, summary);
  pack(summary, context);
  plan(x.rows, y ? y->rows : x.rows, network, outputs, summary, context);
}

template <class P>
void LimitingProblem<P>::upload_activation_tables(const Network& network, const Context& context) {
  for (const NumberTable& table : network.tables)
    activation_tables_.push_back({table->data(), upload(context, *table)});
}

template <class P>
Activation LimitingProblem<P>::on_device(Activation activation) const {
  for (const ActivationTable& table : activation_tables_) {
    if (activation.table == table.host)
      activation.table = table.device.data();
  }
  return activation;
}

template <class P>
void LimitingProblem<P>::survey(const Samples& x, const Samples* y, const Network& network,
                                const std::vector<TrainedShares>& outputs, const Context& context,
                                DataSummary& summary) {
  const DeviceArray<LinearMap> maps = upload(context, network.maps);
  upload_activation_tables(network, context);
  std::vector<Activation> on_its_side;
  for (const Activation& activation : network.activations)
    on_its_side.push_back(on_device(activation));
  const DeviceArray<Activation> activations = upload(context, on_its_side);
  const DeviceArray<Shares<double>> shares = upload(context, flat_shares<double>(outputs));
  const RowNetwork row_network{maps.data(),
                               activations.data(),
                               hidden_layers_,
                               shares.data(),
                               static_cast<int>(outputs.size()),
                               any_network_,
                               RowFields(network).of_layer};
  const bool floats = x.type == SampleType::kFloat32 && sizeof(P) == sizeof(float);
  const bool may_slice = floats && hidden_layers_ > 0 && data_columns_ >= kLeastSliceColumns;
  const auto side = [&](const Samples& samples, int s) {
    return std::make_unique<Side<P>>(samples, input_, row_network, derivatives_, y == nullptr,
                                     may_slice, summary, s, context);
  };
  rows_ = side(x, 0);
  if (y != nullptr)
    cols_ = side(*y, 1);
  if (floats)
    count_close_pairs(x, y ? *y : x, input_, close_deficit(Product::kFloat, hidden_layers_),
                      summary.side(0), context);
  summary.fetch(context);
  require(!summary.seen(0).non_finite, "X must be finite, got NaN or infinity");
  require(!summary.seen(1).non_finite, "Y must be finite, got NaN or infinity");
}

template <class P>
void LimitingProblem<P>::choose(const Samples& x, const Samples* y, const DataSummary& summary) {
  largest_diagonal_ = std::max(summary.largest_diagonal(0), summary.largest_diagonal(1));
  largest_normalised_diagonal_ =
      std::max(summary.largest_normalised_diagonal(0), summary.largest_normalised_diagonal(1));
  columns_ = 0;
  for (long k = 0; k < data_columns_; ++k)
    columns_ += summary.column_used(0, k) && (cols_ == nullptr || summary.column_used(1, k));
  const SideSummary &first = summary.seen(0), &second = summary.seen(1);
  const long sample = close_pair_sample(x.rows, y ? y->rows : x.rows);
  product_ = choose_product({type_, data_columns_, columns_, input_.bias_term(), hidden_layers_,
                             sizeof(P) == sizeof(double), Product::kSlices,
                             [&] { return too_many_close(first.close_pairs, sample); },
                             [&] { return !first.coarse && !second.coarse; }});
}

template <class P>
void LimitingProblem<P>::pack(const DataSummary& summary, const Context& context) {
  if (columns_ < data_columns_) {
    std::vector<int> used;
    for (long k = 0; k < data_columns_; ++k) {
      if (summary.column_used(0, k) && (cols_ == nullptr || summary.column_used(1, k)))
        used.push_back(static_cast<int>(k));
    }
    used_columns_ = upload(context, used);
  }
  rows_->pack(product_, used_columns_.data(), columns_, context);
  if (cols_ != nullptr)
    cols_->pack(product_, used_columns_.data(), columns_, context);
}

template <class P>
void LimitingProblem<P>::plan(long rows, long cols, const Network& network,
                              const std::vector<TrainedShares>& outputs, const DataSummary& summary,
                              const Context& context) {
  RowRanges ranges = summary.row_ranges(0, rows, network);
  if (cols_ != nullptr)
    ranges = joined(ranges, summary.row_ranges(1, cols, network), network);
  const bool negative = summary.seen(0).negative || summary.seen(1).negative;
  layers_ = plan_layers(network, ranges, !negative);
  std::vector<LayerStep> steps;
  for (const LayerPlan& layer : layers_)
    steps.push_back({on_device(layer.activation), layer.angle_level, layer.skip});
  steps_ = upload(context, steps);
  shares_ = upload(context, flat_shares<P>(outputs));
  if (rows * cols < kTableEntries)
    return;
  std::vector<P> coefficients;
  for (const DepthTable<P>& table : depth_tables(layers_, ranges, shares_in<P>(outputs))) {
    append_branch<P>(table.acute, coefficients);
    if (table.obtuse)
      append_branch<P>(*table.obtuse, coefficients);
  }
  tables_ = upload(context, coefficients);
}

template <class P>
ProblemView<P> LimitingProblem<P>::view(int batch) const {
  ProblemView<P> view{};
  view.rows = rows_->view();
  view.cols = cols_ ? cols_->view() : view.rows;
  view.symmetric = cols_ == nullptr;
  view.batch = batch;
  view.batch_rows = static_cast<int>(view.rows.rows / batch);
  view.batch_cols = static_cast<int>(view.cols.rows / batch);
  view.product = product_;
  view.type = type_;
  view.data_columns = data_columns_;
  view.runs = packed_runs(product_, columns_);
  view.hidden_layers = hidden_layers_;
  view.layers = steps_.data();
  view.any_network = any_network_;
  view.folded = !layers_.empty() && layers_.front().angle_level == kFolded;
  view.s = input_.s;
  view.data_scale = input_.data_scale;
  view.bias_std = input_.bias_std;
  view.bias_term = input_.bias_term();
  view.admitted_loss = admitted_loss(hidden_layers_);
  view.close_deficit = close_deficit(product_, hidden_layers_);
  return view;
}

template <class P>
OutputView<P> LimitingProblem<P>::output(int o) const {
  OutputView<P> view{};
  view.shares = shares_.data() + o * (hidden_layers_ + 1);
  view.all_trained = all_trained_[o];
  view.diagonal = rows_->diagonal(o);
  if (tabulated()) {
    const std::size_t each = tables_.size() / all_trained_.size();
    view.acute_table = tables_.data() + o * each;
    view.obtuse_table = each > kBranchNumbers<P> ? view.acute_table + kBranchNumbers<P> : nullptr;
  }
  return view;
}

template <class P>
GradientView LimitingProblem<P>::gradient(int parameter) const {
  const RowGradientView rows = rows_->gradient(parameter);
  return {rows, cols_ ? cols_->gradient(parameter) : rows, derivatives_ == Derivatives::kNngp};
}

template <class P>
std::size_t LimitingProblem<P>::bytes() const {
  std::size_t table_bytes = 0;
  for (const ActivationTable& table : activation_tables_)
    table_bytes += table.device.bytes();
  return rows_->bytes() + (cols_ ? cols_->bytes() : 0) + used_columns_.bytes() + steps_.bytes() +
         shares_.bytes() + tables_.bytes() + table_bytes;
}

template class LimitingProblem<float>;
template class LimitingProblem<double>;

}  // namespace fastntk::cuda
