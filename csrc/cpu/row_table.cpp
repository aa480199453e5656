// SPDX-License-Identifier: Apache-2.0
#include "cpu/row_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

Extended safe_ratio(Extended a, Extended b) { return b > 0 ? a / b : 0; }

// The larger of the two; infinite as soon as one of them is no finite number.
double largest_or_infinite(double largest, Extended value) {
  const double number = static_cast<double>(value);
  return std::isfinite(number) ? std::max(largest, number)
                               : std::numeric_limits<double>::infinity();
}

}  // namespace

template <class T>
RowTable<T>::RowTable(const Network& network, const std::vector<TrainedShares>& outputs,
                      const std::vector<double>& weight_variances, int threads) {
  const long rows = static_cast<long>(weight_variances.size());
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

  const long tasks = ceil_div(rows, kTile);
  std::vector<double> largest(tasks, 0.0);
  run_tasks(tasks, threads, nullptr, [&](int, long task) {
    largest[task] = fill(network, outputs, weight_variances.data(), task * kTile,
                         std::min(rows, (task + 1) * kTile));
  });
  largest_diagonal = *std::max_element(largest.begin(), largest.end());
}

template <class T>
double RowTable<T>::fill(const Network& network, const std::vector<TrainedShares>& outputs,
                         const double* weight_variances, long begin, long end) {
  double largest = 0;
  const Extended bias = Extended(network.maps[0].bias_std) * network.maps[0].bias_std;
  std::vector<Extended> theta(outputs.size());
  for (long i = begin; i < end; ++i) {
    const Extended weights = weight_variances[i];
    Extended q = weights + bias;
    first.w[i] = static_cast<T>(q > 0 ? std::sqrt(weights / q) : 1);
    first.v[i] = static_cast<T>(std::sqrt(safe_ratio(bias, q)));
    for (std::size_t o = 0; o < outputs.size(); ++o)
      theta[o] = outputs[o].weights[0] * weights + outputs[o].biases[0] * bias;
    for (int l = 0; l < network.hidden_layers(); ++l) {
      const LinearMap& map = network.maps[l + 1];
      const Activation activation = network.activations[l];
      // A zero row has no angle: any scalars do, and only f(0)^2 survives of it.
      const RowDual dual = activation_row_step(activation, q > 0 ? q : 1);
      const Extended moment =
          q > 0 ? dual.second_moment : Extended(activation_square_at_zero(activation));
      const Extended weight_part = map.weight_std * map.weight_std * moment;
      const Extended bias_part = map.bias_std * map.bias_std;
      const Extended next = weight_part + bias_part;
      const Extended derivative =
          q > 0 ? map.weight_std * map.weight_std * moment * dual.slope / q : 0;
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        theta[o] = derivative * theta[o] + outputs[o].weights[l + 1] * weight_part +
                   outputs[o].biases[l + 1] * bias_part;
      }
      layers[l].w[i] = static_cast<T>(next > 0 ? std::sqrt(weight_part / next) : 1);
      layers[l].v[i] = static_cast<T>(std::sqrt(safe_ratio(bias_part, next)));
      for (int k = 0; k < activation_row_scalars(activation); ++k)
        layers[l].scalars[k][i] = static_cast<T>(dual.scalars[k]);
      q = next;
    }
    scale[i] = static_cast<T>(std::sqrt(q));
    largest = largest_or_infinite(largest, q);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      diagonals[o][i] = static_cast<T>(theta[o]);
      largest = largest_or_infinite(largest, theta[o]);
    }
  }
  return largest;
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
