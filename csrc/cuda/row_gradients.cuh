// SPDX-License-Identifier: Apache-2.0
// The kernel of row_gradients.h. In double: of what the derivatives err by, a few roundings per layer
// are little, and logarithmic derivatives keep away from the ends of its range.
#pragma once

#include "cuda/row_gradients.h"
#include "cuda/row_table.cuh"

namespace fastntk::cuda {

// Keeps what the recursion of row i tells.
template <class Family>
struct GradientSink {
  using Some = typename Family::Some;
  RowGradientArrays to;
  long i;

  FASTNTK_HD void mixing(int parameter, int field, const MixingGradient<double>& mixing) const {
    to.field(parameter, field)[i] = mixing.w[parameter];
    to.field(parameter, field + 1)[i] = mixing.v[parameter];
  }
  FASTNTK_HD void first(const MixingGradient<double>& gradient) const {
    FASTNTK_UNROLL
    for (int p = 0; p < kParameters; ++p) {
      mixing(p, 0, gradient);
      to.log_w(p)[i] = gradient.log_w[p];
    }
  }
  FASTNTK_HD void scalar(int l, int k, double by_log_q, const double* log_q) const {
    FASTNTK_UNROLL
    for (int p = 0; p < kParameters; ++p)
      to.field(p, to.layer(l) + Family::kFirstScalar + k)[i] = by_log_q * log_q[p];
  }
  FASTNTK_HD void layer(int l, const MixingGradient<double>& gradient) const {
    FASTNTK_UNROLL
    for (int p = 0; p < kParameters; ++p)
      mixing(p, to.layer(l), gradient);
  }
};

// A thread has a row.
template <class Family>
__global__ void __launch_bounds__(kRowTableThreads, 1)
    row_gradients_kernel(RowNetwork network, bool nngp, const double* weights, long rows,
                         RowGradientArrays to, SideSummary* summary) {
  const long i = blockIdx.x * static_cast<long>(kRowTableThreads) + threadIdx.x;
  double largest = 0;
  if (i < rows) {
    const RowGradientEnd<double> end =
        row_gradient(network.maps, network.activations, network.hidden_layers, weights[i],
                     GradientSink<Family>{to, i});
    FASTNTK_UNROLL
    for (int p = 0; p < kParameters; ++p) {
      const double diagonal = nngp ? end.nngp[p] : end.ntk[p];
      to.log_scale(p)[i] = end.log_scale[p];
      to.diagonal(p)[i] = diagonal;
      largest = maximum(largest, finite_or_infinite(diagonal < 0 ? -diagonal : diagonal));
    }
  }
  largest = warp_most(largest);
  if (threadIdx.x % kWarp == 0)
    raise_to(&summary->largest_diagonal, largest);
}

template <class Family>
void fill_gradients(const RowNetwork& network, bool nngp, const double* weights, long rows,
                    const RowGradientArrays& to, SideSummary* summary, const Context& context) {
  const dim3 blocks(static_cast<unsigned>(ceil_div(rows, kRowTableThreads)));
  launch(row_gradients_kernel<Family>, {blocks, kRowTableThreads, 0, context.stream}, network, nngp,
         weights, rows, to, summary);
}

#define FASTNTK_FILL_GRADIENTS(Family)                                                             \
  template void fill_gradients<Family>(const RowNetwork&, bool, const double*, long,               \
                                       const RowGradientArrays&, SideSummary*, const Context&);

}  // namespace fastntk::cuda
