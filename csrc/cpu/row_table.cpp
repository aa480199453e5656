// SPDX-License-Identifier: Apache-2.0
#include "cpu/row_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// Where numbers of a row may lie for doubles to carry them without loss.
constexpr double kSmallest = 1e-280;
constexpr double kLargest = 1e280;

// The larger of the two; infinite as soon as one of them is no finite number.
template <class Real>
double largest_or_infinite(double largest, Real value) {
  const double number = static_cast<double>(value);
  return std::isfinite(number) ? std::max(largest, number)
                               : std::numeric_limits<double>::infinity();
}

template <class Real>
bool in_range(Real value) {
  return value > kSmallest && value < kLargest;
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
    layers.push_back({AlignedBuffer<T>(rows), AlignedBuffer<T>(rows), {}});
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

template <class T>
template <class Real>
bool RowTable<T>::fill_row(const Network& network, const std::vector<TrainedShares>& outputs,
                           Real weights, long i, Real* theta, double& largest) {
  const Real bias = Real(network.maps[0].bias_std) * network.maps[0].bias_std;
  bool safe = in_range(weights);
  Real q = weights + bias;
  Real inverse = q > 0 ? 1 / q : 0;
  first.w[i] = static_cast<T>(q > 0 ? std::sqrt(weights * inverse) : 1);
  first.v[i] = static_cast<T>(std::sqrt(bias * inverse));
  const std::size_t count = outputs.size();
  for (std::size_t o = 0; o < count; ++o)
    theta[o] = outputs[o].weights[0] * weights + outputs[o].biases[0] * bias;
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const LinearMap& map = network.maps[l + 1];
    const Activation activation = network.activations[l];
    // A zero row has no angle: any scalars do, and only f(0)^2 survives of it.
    const RowDual<Real> dual = activation_row_step<Real>(activation, q > 0 ? q : 1);
    const Real moment = q > 0 ? dual.second_moment : Real(activation_square_at_zero(activation));
    const Real weight_part = map.weight_std * map.weight_std * moment;
    const Real bias_part = map.bias_std * map.bias_std;
    const Real next = weight_part + bias_part;
    const Real derivative = weight_part * dual.slope * inverse;
    for (std::size_t o = 0; o < count; ++o) {
      safe = safe && (theta[o] == 0 || in_range(theta[o]));
      theta[o] = derivative * theta[o] + outputs[o].weights[l + 1] * weight_part +
                 outputs[o].biases[l + 1] * bias_part;
    }
    safe = safe && in_range(weight_part) && in_range(next);
    inverse = next > 0 ? 1 / next : 0;
    layers[l].w[i] = static_cast<T>(next > 0 ? std::sqrt(weight_part * inverse) : 1);
    layers[l].v[i] = static_cast<T>(std::sqrt(bias_part * inverse));
    for (int k = 0; k < activation_row_scalars(activation); ++k)
      layers[l].scalars[k][i] = static_cast<T>(dual.scalars[k]);
    q = next;
  }
  if (std::is_same_v<Real, double> && !safe)
    return false;
  scale[i] = static_cast<T>(std::sqrt(q));
  largest = largest_or_infinite(largest, q);
  for (std::size_t o = 0; o < count; ++o) {
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
    total += layer.w.bytes() + layer.v.bytes();
    for (const AlignedBuffer<T>& scalars : layer.scalars)
      total += scalars.bytes();
  }
  return total;
}

template struct RowTable<float>;
template struct RowTable<double>;

}  // namespace fastntk::cpu
