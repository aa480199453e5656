// SPDX-License-Identifier: Apache-2.0
#include "cpu/row_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/row_recursion.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// The larger of the two; infinite as soon as one of them is no finite number.
template <class Real>
double largest_or_infinite(double largest, Real value) {
  const double number = static_cast<double>(value);
  return std::isfinite(number) ? std::max(largest, number)
                               : std::numeric_limits<double>::infinity();
}

template <class T>
Range range_of(const AlignedBuffer<T>& numbers, long count) {
  T least = numbers[0], most = numbers[0], strange = 0;
  for (long i = 0; i < count; ++i) {
    least = numbers[i] < least ? numbers[i] : least;
    most = numbers[i] > most ? numbers[i] : most;
    strange += numbers[i] - numbers[i];  // 0 times whatever is a number
  }
  return {static_cast<double>(least + strange), static_cast<double>(most + strange)};
}

}  // namespace

template <class T>
RowTable<T>::RowTable(const Network& network, const std::vector<TrainedShares>& outputs,
                      const std::vector<double>& weight_variances, int threads) {
  const long count = static_cast<long>(weight_variances.size());
  const long rows = round_up(count, kTile);
  first.w = AlignedBuffer<T>(rows);
  first.v = AlignedBuffer<T>(rows);
  scale = AlignedBuffer<T>(rows);
  for (int l = 0; l < network.hidden_layers(); ++l) {
    layers.push_back({AlignedBuffer<T>(rows), AlignedBuffer<T>(rows), {}, {}});
    if (network.skips(l))
      layers.back().r = AlignedBuffer<T>(rows);
    for (int k = 0; k < activation_row_scalars(network.activations[l]); ++k)
      layers.back().scalars[k] = AlignedBuffer<T>(rows);
  }
  for (std::size_t o = 0; o < outputs.size(); ++o)
    diagonals.emplace_back(rows);

  const long tasks = ceil_div(count, kTile);
  std::vector<double> largest(tasks, 0.0);
  run_tasks(tasks, threads, nullptr, [&](int, long task) {
    largest[task] = fill(network, outputs, weight_variances.data() + task * kTile, task * kTile,
                         std::min(count, (task + 1) * kTile));
  });
  largest_diagonal = *std::max_element(largest.begin(), largest.end());
  if (count == rows)
    return;
  // Behind the last row: zero rows, all alike.
  const double none = 0;
  fill(network, outputs, &none, count, count + 1);
  for (AlignedBuffer<T>* buffer : buffers())
    std::fill(buffer->data() + count + 1, buffer->data() + rows, (*buffer)[count]);
}

template <class T>
std::vector<AlignedBuffer<T>*> RowTable<T>::buffers() {
  std::vector<AlignedBuffer<T>*> all{&first.w, &first.v, &scale};
  for (AlignedBuffer<T>& diagonal : diagonals)
    all.push_back(&diagonal);
  for (LayerRows<T>& layer : layers) {
    all.push_back(&layer.w);
    all.push_back(&layer.v);
    if (layer.r.size() > 0)
      all.push_back(&layer.r);
    for (AlignedBuffer<T>& scalars : layer.scalars) {
      if (scalars.size() > 0)
        all.push_back(&scalars);
    }
  }
  return all;
}

// A few roundings of double per layer are nothing to what float stores; they are to double.
template <class T>
double RowTable<T>::fill(const Network& network, const std::vector<TrainedShares>& outputs,
                         const double* weight_variances, long begin, long end) {
  std::vector<double> doubles(outputs.size());
  std::vector<Extended> extended(outputs.size());
  double largest = 0;
  for (long i = begin; i < end; ++i) {
    const double weights = weight_variances[i - begin];
    if (sizeof(T) == sizeof(double) ||
        !fill_row(network, outputs, weights, i, doubles.data(), largest))
      fill_row(network, outputs, Extended(weights), i, extended.data(), largest);
  }
  return largest;
}

// Keeps what a row's recursion tells.
template <class T>
struct RowSink {
  using Some = EveryActivation;
  static constexpr bool kSkips = true;
  RowTable<T>& table;
  const Network& network;
  long i;

  template <class Real>
  void first(Real w, Real v) const {
    table.first.w[i] = static_cast<T>(w);
    table.first.v[i] = static_cast<T>(v);
  }
  template <class Real>
  void scalar(int l, int k, Real value) const {
    table.layers[l].scalars[k][i] = static_cast<T>(value);
  }
  template <class Real>
  void layer(int l, Real w, Real v, Real r) const {
    LayerRows<T>& layer = table.layers[l];
    layer.w[i] = static_cast<T>(w);
    layer.v[i] = static_cast<T>(v);
    if (network.skips(l))
      layer.r[i] = static_cast<T>(r);
  }
};

template <class T>
template <class Real>
bool RowTable<T>::fill_row(const Network& network, const std::vector<TrainedShares>& outputs,
                           Real weights, long i, Real* theta, double& largest) {
  const auto shares = [&outputs](int o, int map) {
    return Shares<double>{outputs[o].weights[map], outputs[o].biases[map]};
  };
  const RowEnd<Real> end = row_recursion(
      network.maps.data(), network.activations.data(), network.hidden_layers(), shares,
      static_cast<int>(outputs.size()), weights, theta, RowSink<T>{*this, network, i});
  if (!end.safe)
    return false;
  scale[i] = static_cast<T>(std::sqrt(end.q));
  largest = largest_or_infinite(largest, end.q);
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    diagonals[o][i] = static_cast<T>(theta[o]);
    largest = largest_or_infinite(largest, theta[o]);
  }
  return true;
}

template <class T>
RowRanges RowTable<T>::ranges(const Network& network, long rows) const {
  RowRanges all{{range_of(first.w, rows), range_of(first.v, rows), {}}, {}};
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const LayerRows<T>& layer = layers[l];
    all.layers.push_back({range_of(layer.w, rows), range_of(layer.v, rows), {}});
    for (int k = 0; k < activation_row_scalars(network.activations[l]); ++k)
      all.layers[l].scalars[k] = range_of(layer.scalars[k], rows);
  }
  return all;
}

template <class T>
std::size_t RowTable<T>::bytes() const {
  std::size_t total = first.w.bytes() + first.v.bytes() + scale.bytes();
  for (const AlignedBuffer<T>& diagonal : diagonals)
    total += diagonal.bytes();
  for (const LayerRows<T>& layer : layers) {
    total += layer.w.bytes() + layer.v.bytes() + layer.r.bytes();
    for (const AlignedBuffer<T>& scalars : layer.scalars)
      total += scalars.bytes();
  }
  return total;
}

template struct RowTable<float>;
template struct RowTable<double>;

}  // namespace fastntk::cpu
