// SPDX-License-Identifier: Apache-2.0
// The kernels of row_table.h. A float table is computed in double, or with more digits and range
// where doubles lose some; a double table always with more: the CPU's rules.
#pragma once

#include <type_traits>

#include "common/index.h"
#include "common/row_recursion.h"
#include "common/wide_double.h"
#include "cuda/reduce.cuh"
#include "cuda/row_table.h"

namespace fastntk::cuda {

constexpr int kRowTableThreads = 128;
constexpr int kRangeThreads = 128;

// Keeps what the recursion of row i tells.
template <class Family, class P>
struct RowSink {
  using Some = typename Family::Some;
  static constexpr bool kSkips = Family::kSkips;
  RowTableArrays<P> table;
  int layer_fields;
  long i;
  bool keeps;

  template <class Real>
  FASTNTK_HD void first(Real w, Real v) const {
    if (!keeps)
      return;
    table.fields[i] = static_cast<P>(w);
    table.fields[table.stride + i] = static_cast<P>(v);
  }
  template <class Real>
  FASTNTK_HD void scalar(int l, int k, Real value) const {
    if (keeps)
      *field(l, Family::kFirstScalar + k) = static_cast<P>(value);
  }
  template <class Real>
  FASTNTK_HD void layer(int l, Real w, Real v, [[maybe_unused]] Real r) const {
    if (!keeps)
      return;
    P* own = field(l, 0);
    own[0] = static_cast<P>(w);
    own[table.stride] = static_cast<P>(v);
    if constexpr (kSkips)
      own[2 * table.stride] = static_cast<P>(r);
  }

private:
  FASTNTK_HD P* field(int l, int k) const {
    return table.fields + (2 + l * Family::layer_fields(layer_fields) + k) * table.stride + i;
  }
};

// Infinite where the number is none.
FASTNTK_HD double finite_or_infinite(double value) { return value - value == 0 ? value : HUGE_VAL; }

struct LargestDiagonals {
  double plain;
  double normalised;
};

// False where Real is double and loses digits.
template <class Real, class Family, class P>
FASTNTK_HD bool row_of_output(const RowNetwork& network, int output, Real weights, long rows,
                              const RowSink<Family, P>& sink, LargestDiagonals& largest) {
  const Shares<double>* own = network.shares + output * (network.hidden_layers + 1L);
  const auto shares = [own](int, int map) { return own[map]; };
  Real theta;
  const RowEnd<Real> end = row_recursion(network.maps, network.activations, network.hidden_layers,
                                         shares, 1, weights, &theta, sink);
  if (!end.safe)
    return false;
  const long i = sink.i;
  if (sink.keeps)
    sink.table.scale[i] = static_cast<P>(square_root(end.q));
  if (sink.table.diagonals != nullptr)
    sink.table.diagonals[output * rows + i] = static_cast<P>(theta);
  const double q = static_cast<double>(end.q), value = static_cast<double>(theta);
  largest.plain = maximum(finite_or_infinite(q), finite_or_infinite(value));
  const bool normal = output == 0 && end.q > Real(0.0);
  const double ratio = normal ? static_cast<double>(theta / end.q) : 0;
  largest.normalised = maximum(1.0, finite_or_infinite(ratio < 0 ? -ratio : ratio));
  return true;
}

inline __device__ void raise_to(unsigned long long* bits, double value) {
  atomicMax(bits, static_cast<unsigned long long>(__double_as_longlong(maximum(value, 0.0))));
}

// A thread has a row; blockIdx.y is the output, and the first one keeps the table.
template <class Family, class P>
__global__ void __launch_bounds__(kRowTableThreads, 1)
    row_table_kernel(RowNetwork network, const double* weights, long rows, RowTableArrays<P> table,
                     SideSummary* summary) {
  const long i = blockIdx.x * static_cast<long>(kRowTableThreads) + threadIdx.x;
  const int output = static_cast<int>(blockIdx.y);
  LargestDiagonals largest{0, 1};
  if (i < rows) {
    const RowSink<Family, P> sink{table, network.layer_fields, i, output == 0};
    bool done = false;
    if constexpr (std::is_same_v<P, float>)
      done = row_of_output(network, output, weights[i], rows, sink, largest);
    if (!done)
      row_of_output(network, output, WideDouble(weights[i]), rows, sink, largest);
  }
  const double plain = warp_most(largest.plain), normalised = warp_most(largest.normalised);
  if (threadIdx.x % kWarp != 0)
    return;
  raise_to(&summary->largest_diagonal, plain);
  raise_to(&summary->largest_normalised_diagonal, normalised);
}

// blockIdx.x: the field; blockIdx.y: the part of the rows. What an activation does not use is left
// alone.
template <class Family, class P>
__global__ void __launch_bounds__(kRangeThreads)
    field_ranges_kernel(const Activation* activations, int layer_fields, const P* fields,
                        long stride, long rows, Range* ranges) {
  constexpr int kWarps = kRangeThreads / kWarp;
  __shared__ P least_of[kWarps];
  __shared__ P most_of[kWarps];
  const int field = static_cast<int>(blockIdx.x);
  if (field >= 2) {
    const int own = Family::layer_fields(layer_fields), layer = (field - 2) / own;
    const int scalars = activation_row_scalars<typename Family::Some>(activations[layer]);
    if ((field - 2) % own >= Family::kFirstScalar + scalars)
      return;
  }
  const long begin = blockIdx.y * range_part_rows(rows);
  const long end = smaller(begin + range_part_rows(rows), rows);
  const P* numbers = fields + field * stride;
  P least = numbers[begin], most = least, strange = 0;
  for (long i = begin + threadIdx.x; i < end; i += kRangeThreads) {
    const P number = numbers[i];
    least = minimum(number, least);
    most = maximum(number, most);
    strange += number - number;  // no number as soon as one is none
  }
  strange = warp_sum(strange);
  least = warp_least(least) + strange;
  most = warp_most(most) + strange;
  if (threadIdx.x % kWarp == 0) {
    least_of[threadIdx.x / kWarp] = least;
    most_of[threadIdx.x / kWarp] = most;
  }
  __syncthreads();
  if (threadIdx.x != 0)
    return;
  strange = 0;
  for (int w = 0; w < kWarps; ++w) {
    least = minimum(least_of[w], least);
    most = maximum(most_of[w], most);
    strange += least_of[w] - least_of[w];
  }
  ranges[field * kRangeParts + blockIdx.y] = {static_cast<double>(least + strange),
                                              static_cast<double>(most + strange)};
}

template <class Family, class P>
void fill_table(const RowNetwork& network, const double* weights, long rows,
                const RowTableArrays<P>& table, SideSummary* summary, Range* ranges,
                const Context& context) {
  const dim3 blocks(static_cast<unsigned>(ceil_div(rows, kRowTableThreads)),
                    static_cast<unsigned>(network.outputs));
  launch(row_table_kernel<Family, P>, {blocks, kRowTableThreads, 0, context.stream}, network,
         weights, rows, table, summary);
  const dim3 parts(static_cast<unsigned>(2 + network.hidden_layers * network.layer_fields),
                   static_cast<unsigned>(ceil_div(rows, range_part_rows(rows))));
  launch(field_ranges_kernel<Family, P>, {parts, kRangeThreads, 0, context.stream},
         network.activations, network.layer_fields, static_cast<const P*>(table.fields),
         table.stride, rows, ranges);
}

#define FASTNTK_FILL_TABLE(Family, P)                                                              \
  template void fill_table<Family>(const RowNetwork&, const double*, long,                         \
                                   const RowTableArrays<P>&, SideSummary*, Range*,                 \
                                   const Context&);

}  // namespace fastntk::cuda
