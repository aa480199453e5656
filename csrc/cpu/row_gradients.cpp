// SPDX-License-Identifier: Apache-2.0
#include "cpu/row_gradients.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// Keeps what the recursion of row i tells.
struct RowSink {
  using Some = EveryActivation;
  RowGradients::ByParameter (&by)[kParameters];
  long i;

  void keep(LayerRows<double>& layer, int parameter, const MixingGradient<Extended>& mixing) const {
    layer.w[i] = static_cast<double>(mixing.w[parameter]);
    layer.v[i] = static_cast<double>(mixing.v[parameter]);
  }
  void first(const MixingGradient<Extended>& mixing) const {
    for (int p = 0; p < kParameters; ++p) {
      keep(by[p].first, p, mixing);
      by[p].log_w[i] = static_cast<double>(mixing.log_w[p]);
    }
  }
  void scalar(int l, int k, Extended by_log_q, const Extended* log_q) const {
    for (int p = 0; p < kParameters; ++p)
      by[p].layers[l].scalars[k][i] = static_cast<double>(by_log_q * log_q[p]);
  }
  void layer(int l, const MixingGradient<Extended>& mixing) const {
    for (int p = 0; p < kParameters; ++p)
      keep(by[p].layers[l], p, mixing);
  }
};

}  // namespace

RowGradients::RowGradients(const Network& network, bool nngp,
                           const std::vector<double>& weight_variances, int threads) {
  const long count = static_cast<long>(weight_variances.size());
  const long rows = round_up(count, kTile);
  for (ByParameter& one : by) {
    one.first = {AlignedBuffer<double>(rows), AlignedBuffer<double>(rows), {}, {}};
    one.log_w = AlignedBuffer<double>(rows);
    one.log_scale = AlignedBuffer<double>(rows);
    one.diagonal = AlignedBuffer<double>(rows);
    for (const Activation& activation : network.activations) {
      one.layers.push_back({AlignedBuffer<double>(rows), AlignedBuffer<double>(rows), {}, {}});
      for (int k = 0; k < activation_row_scalars(activation); ++k)
        one.layers.back().scalars[k] = AlignedBuffer<double>(rows);
    }
  }
  for (const AlignedBuffer<double>* buffer : buffers())
    bytes_ += buffer->bytes();

  const long tasks = ceil_div(count, kTile);
  std::vector<double> largest(tasks, 0.0);
  run_tasks(tasks, threads, nullptr, [&](int, long task) {
    for (long i = task * kTile; i < std::min(count, (task + 1) * kTile); ++i)
      largest[task] = std::max(largest[task], fill_row(network, nngp, weight_variances[i], i));
  });
  largest_diagonal = *std::max_element(largest.begin(), largest.end());
  if (count == rows)
    return;
  // Behind the last row: zero rows, all alike.
  fill_row(network, nngp, 0, count);
  for (AlignedBuffer<double>* buffer : buffers())
    std::fill(buffer->data() + count + 1, buffer->data() + rows, (*buffer)[count]);
}

// Returns the largest derivative on the diagonal.
double RowGradients::fill_row(const Network& network, bool nngp, double weights, long i) {
  const RowGradientEnd<Extended> end =
      row_gradient(network.maps.data(), network.activations.data(), network.hidden_layers(),
                   Extended(weights), RowSink{by, i});
  double largest = 0;
  for (int p = 0; p < kParameters; ++p) {
    by[p].log_scale[i] = static_cast<double>(end.log_scale[p]);
    const double diagonal = static_cast<double>(nngp ? end.nngp[p] : end.ntk[p]);
    by[p].diagonal[i] = diagonal;
    largest = std::isfinite(diagonal) ? std::max(largest, std::abs(diagonal))
                                      : std::numeric_limits<double>::infinity();
  }
  return largest;
}

std::vector<AlignedBuffer<double>*> RowGradients::buffers() {
  std::vector<AlignedBuffer<double>*> all;
  for (ByParameter& one : by) {
    all.insert(all.end(), {&one.first.w, &one.first.v, &one.log_w, &one.log_scale, &one.diagonal});
    for (LayerRows<double>& layer : one.layers) {
      all.push_back(&layer.w);
      all.push_back(&layer.v);
      for (AlignedBuffer<double>& scalars : layer.scalars) {
        if (scalars.size() > 0)
          all.push_back(&scalars);
      }
    }
  }
  return all;
}

}  // namespace fastntk::cpu
