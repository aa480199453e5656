// SPDX-License-Identifier: Apache-2.0
#include "cuda/vectors.h"

#include <algorithm>
#include <cmath>

#include "cuda/vectors.cuh"

namespace fastntk::cuda {
namespace {

Shape one_thread_each(long count, const Context& context) {
  return {dim3(static_cast<unsigned>(ceil_div(count, kThreads))), dim3(kThreads), 0,
          context.stream};
}

// Of an integer whose 62 bits hold 2 `largest`, as far as it is a double. Zeros take any.
double unit_for(double largest) {
  constexpr int kMost = 1000;
  return std::ldexp(1.0, std::min(59 - (largest > 0 ? std::ilogb(largest) : 0), kMost));
}

}  // namespace

template <class U>
template <class P, class V>
ScaledVectors<U>::ScaledVectors(const V* v, long k, Factors<P> cols, long rows, double largest,
                                const Context& context)
    : k_(k), unit_(unit_for(largest)), vectors_(context, cols.count * k), scales_(context, k),
      sums_(context, rows * k) {
  const long chunks = ceil_div(cols.count, kVectorRows);
  const DeviceArray<double> partial(context, chunks * k);
  const dim3 grid(static_cast<unsigned>(chunks), static_cast<unsigned>(ceil_div(k, kWarp)));
  launch(magnitude_kernel<P, V>, {grid, dim3(kThreads), 0, context.stream}, v, cols.values,
         cols.count, k, partial.data());
  launch(scale_kernel<double>, one_thread_each(k, context), partial.data(), chunks, k,
         scales_.data());
  launch(vector_kernel<P, V, U>, one_thread_each(cols.count * k, context), v, cols.values,
         scales_.data(), cols.count, k, vectors_.data());
  check(cudaMemsetAsync(sums_.data(), 0, sums_.bytes(), context.stream), "cudaMemsetAsync");
}

template <class U>
VectorSink ScaledVectors<U>::sink() const {
  return {vectors_.data(), sizeof(U) == sizeof(double), k_, sums_.data(), unit_};
}

template <class U>
template <class P>
void ScaledVectors<U>::finish(Factors<P> rows, double* y, const Context& context) const {
  launch(result_kernel<P>, one_thread_each(rows.count * k_, context), sums_.data(), rows.values,
         scales_.data(), unit_, rows.count, k_, y);
}

#define FASTNTK_VECTORS(U, P, V)                                                                   \
  template ScaledVectors<U>::ScaledVectors(const V*, long, Factors<P>, long, double,               \
                                           const Context&);
#define FASTNTK_RESULTS(U, P)                                                                      \
  template void ScaledVectors<U>::finish(Factors<P>, double*, const Context&) const;
template class ScaledVectors<float>;
template class ScaledVectors<double>;
FASTNTK_VECTORS(float, float, float)
FASTNTK_VECTORS(double, float, double)
FASTNTK_VECTORS(double, double, float)
FASTNTK_VECTORS(double, double, double)
FASTNTK_RESULTS(float, float)
FASTNTK_RESULTS(double, float)
FASTNTK_RESULTS(double, double)

}  // namespace fastntk::cuda
