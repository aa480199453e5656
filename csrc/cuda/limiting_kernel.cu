// SPDX-License-Identifier: Apache-2.0
#include "cuda/limiting_kernel.h"

#include <algorithm>

#include "cuda/convert.h"
#include "cuda/tile_kernel.h"
#include "cuda/times_vectors.h"

namespace fastntk::cuda {
namespace {

template <class P>
struct FactorsOf {
  Factors<P> rows, cols;
  double largest;

  // Without hidden layers tiles hold the kernel itself.
  explicit FactorsOf(const LimitingProblem<P>& problem) {
    const ProblemView<P> view = problem.view();
    const bool linear = view.hidden_layers == 0;
    rows = {linear ? nullptr : view.rows.scale, view.rows.rows};
    cols = {linear ? nullptr : view.cols.scale, view.cols.rows};
    largest = linear ? problem.largest_diagonal() : problem.largest_normalised_diagonal();
  }
};

}  // namespace

template <class T>
LimitingKernel<T>::LimitingKernel(const Samples& x, const Samples* y, double scale,
                                  const Network& network, const std::vector<TrainedShares>& outputs,
                                  const Context& context, int batch)
    : TileSource<T>(x.rows / std::max(batch, 1), (y ? y->rows : x.rows) / std::max(batch, 1),
                    y == nullptr),
      outputs_(static_cast<int>(outputs.size())), batch_(batch) {
  constexpr int kLargestBatch = 65535;  // of a grid in its second dimension
  require(batch >= 1 && batch <= kLargestBatch, "batch must be between 1 and 65535");
  require(x.rows % batch == 0 && (!y || y->rows % batch == 0),
          "every problem of a batch must have as many rows");
  constexpr bool kFloat = sizeof(T) < sizeof(double);
  if (!kFloat || (is_relu_network(network) && !too_steep_for_float(network))) {
    same_ = std::make_unique<LimitingProblem<T>>(x, y, scale, network, outputs, context);
    const bool narrow = same_->product() != Product::kWideInteger;
    if (!kFloat || (narrow && (!too_deep_for_float(network) || same_->tabulated())))
      return;
    same_.reset();
  }
  wide_ = std::make_unique<LimitingProblem<double>>(x, y, scale, network, outputs, context);
}

template <class T>
void LimitingKernel<T>::write(int output, const DenseSink& to, const Context& context) const {
  TileSink sink;
  sink.dense = to;
  sink.dense.to_float = wide_ && sizeof(T) == sizeof(float);
  visit([&](const auto& problem) {
    launch_tiles(problem.view(batch_), problem.output(output), sink, context.stream);
  });
}

template <class T>
void LimitingKernel<T>::write_dense(const std::vector<T*>& to, const Context& context) const {
  require(static_cast<int>(to.size()) == outputs_, "one array per output is needed");
  for (int o = 0; o < outputs_; ++o) {
    DenseSink sink;
    sink.to = to[o];
    sink.stride = this->cols();
    write(o, sink, context);
  }
}

template <class T>
void LimitingKernel<T>::write_packed(T* to, const Context& context) const {
  require(this->symmetric() && batch_ == 1, "only one symmetric matrix is stored packed");
  DenseSink sink;
  sink.to = to;
  sink.is_packed = true;
  sink.packed = PackedLayout(this->rows());
  write(0, sink, context);
}

template <class T>
template <class V>
void LimitingKernel<T>::times(const V* v, double* y, long k, const Context& context) const {
  require(batch_ == 1, "only one matrix is multiplied with vectors");
  visit([&](const auto& problem) {
    const FactorsOf factors(problem);
    times_vectors(factors.rows, factors.cols, factors.largest, v, y, k, context,
                  [&](const TileSink& sink) {
                    launch_tiles(problem.view(), problem.output(0), sink, context.stream);
                  });
  });
}

template <class T>
void LimitingKernel<T>::multiply(const float* v, double* y, long k, const Context& context) const {
  times(v, y, k, context);
}

template <class T>
void LimitingKernel<T>::multiply(const double* v, double* y, long k, const Context& context) const {
  times(v, y, k, context);
}

template <class T>
void LimitingKernel<T>::diagonal(T* to, const Context& context) const {
  require(this->symmetric(), "only a symmetric matrix has this diagonal");
  visit([&](const auto& problem) {
    convert(problem.output(0).diagonal, to, this->rows() * batch_, context);
  });
}

template <class T>
std::size_t LimitingKernel<T>::bytes() const {
  return visit([](const auto& problem) { return problem.bytes(); });
}

template <class T>
double LimitingKernel<T>::largest_diagonal() const {
  return visit([](const auto& problem) { return problem.largest_diagonal(); });
}

template <class T>
Route LimitingKernel<T>::route() const {
  return visit([&](const auto& problem) {
    return Route{problem.product(),      sizeof(T) == sizeof(double) || wide_,
                 problem.tabulated(),    problem.columns(),
                 problem.data_columns(), problem.layers()};
  });
}

template class LimitingKernel<float>;
template class LimitingKernel<double>;

}  // namespace fastntk::cuda
