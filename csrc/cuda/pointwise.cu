// SPDX-License-Identifier: Apache-2.0
#include "cuda/pointwise.h"

#include "cuda/pointwise.cuh"

namespace fastntk::cuda {
namespace {

Shape over(long rows, long cols, const Context& context) {
  constexpr long kMostBlocksDown = 65535;
  const long down = smaller(ceil_div(rows, kPointwiseRows), kMostBlocksDown);
  return {dim3(static_cast<unsigned>(ceil_div(cols, kWarp)), static_cast<unsigned>(down)),
          dim3(kThreads), 0, context.stream};
}

// f(act) for an object of the activation's type, on the host alone: kernels are launched there.
template <class F>
void with_type(const Activation& activation, F f) {
#define FASTNTK_CASE(Type)                                                                         \
  case ActivationKind::k##Type:                                                                    \
    return f(Type(activation.numbers()));
  switch (activation.kind) {
    FASTNTK_FUNCTIONS(FASTNTK_CASE)
  default:
    break;
  }
#undef FASTNTK_CASE
}

}  // namespace

template <class T>
void activate(const Activation& activation, T factor, const T* shift, long rows, long cols, T* z,
              T* out, const Context& context) {
  if (rows == 0 || cols == 0)
    return;
  with_type(activation, [&](auto act) {
    launch(activate_kernel<decltype(act), T>, over(rows, cols, context), act, factor, shift, rows,
           cols, z, out);
  });
}

template <class T>
void apply_slope(const Activation& activation, T factor, const T* z, long rows, long cols,
                 long outputs, T* signals, const Context& context) {
  if (rows == 0 || cols == 0)
    return;
  with_type(activation, [&](auto act) {
    launch(slope_kernel<decltype(act), T>, over(rows, cols, context), act, factor, z, rows, cols,
           outputs, signals);
  });
}

#define FASTNTK_POINTWISE(T)                                                                       \
  template void activate(const Activation&, T, const T*, long, long, T*, T*, const Context&);      \
  template void apply_slope(const Activation&, T, const T*, long, long, long, T*, const Context&);
FASTNTK_POINTWISE(float)
FASTNTK_POINTWISE(double)

}  // namespace fastntk::cuda
