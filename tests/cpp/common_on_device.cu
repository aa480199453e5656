// SPDX-License-Identifier: Apache-2.0
// Compiled, never run: every formula of csrc/common in device code, for each activation whose kernels
// GPUs compute, both types and all angle levels. CI fails on an error, a warning or a register spill.
#include "common/activations.h"
#include "common/input_layer.h"
#include "common/layer.h"

namespace fastntk {

template <class Act, class T, int kLevel>
__global__ void layer_kernel(const T* scalars, const T* mixing, T* x, T* t, long n) {
  const Act act(nullptr);
  const long i = blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x;
  if (i >= n)
    return;
  constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
  T a[kScalars], b[kScalars];
  for_row_scalars(act, [&](int k) {
    a[k] = scalars[k];
    b[k] = scalars[k + kScalars];
  });
  const auto dual = act.template pair_step<kLevel>(x[i], a, b);
  const AngleState<T> next =
      mix(dual, t[i], {mixing[0], mixing[1]}, {mixing[2], mixing[3]}, Shares<T>{T(1), T(1)});
  x[i] = next.x;
  t[i] = mix_equal(dual, next.t, {mixing[0], mixing[1]}, Shares<T>{T(1), T(1)}).t +
         first_layer(x[i], {mixing[0], mixing[1]}, {mixing[2], mixing[3]}, Shares<T>{T(1), T(1)});
  t[i] += mix(dual, t[i], {mixing[0], mixing[1]}, {mixing[2], mixing[3]}, AllTrained{}).t +
          mix_equal(dual, next.t, {mixing[0], mixing[1]}, AllTrained{}).t +
          first_layer(x[i], {mixing[0], mixing[1]}, {mixing[2], mixing[3]}, AllTrained{});
}

template <class T>
__global__ void deficit_kernel(const T* distance, const T* dot, const RowRadius<T>* radius, T* x,
                               long n) {
  const long i = blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x;
  if (i >= n)
    return;
  const T admitted = static_cast<T>(admitted_loss(static_cast<int>(n)));
  x[i] = deficit_from_distance(distance[i], radius[0], radius[i]) +
         careful_integer_deficit(distance[i], dot[i], T(1), admitted, radius[0], radius[i]) +
         deficit_from_product(dot[i], T(1), T(0)) + folded_deficit_from_product(dot[i], T(1), T(0));
  if (x[i] < static_cast<T>(doubtful_deficit(radius[0].hi / radius[i].hi, admitted)))
    x[i] = static_cast<T>(deficit_from_integers(n, n + i, n - i, 0.5));
}

#define FASTNTK_LEVELS(Type, T)                                                                    \
  template __global__ void layer_kernel<Type, T, kFolded>(const T*, const T*, T*, T*, long);       \
  template __global__ void layer_kernel<Type, T, kAcute>(const T*, const T*, T*, T*, long);        \
  template __global__ void layer_kernel<Type, T, kSecondLayer>(const T*, const T*, T*, T*, long);  \
  template __global__ void layer_kernel<Type, T, kThirdLayer>(const T*, const T*, T*, T*, long);   \
  template __global__ void layer_kernel<Type, T, kDeeper>(const T*, const T*, T*, T*, long);
#define FASTNTK_TYPES(Type) FASTNTK_LEVELS(Type, float) FASTNTK_LEVELS(Type, double)
FASTNTK_FUNCTIONS(FASTNTK_TYPES)

template __global__ void deficit_kernel(const float*, const float*, const RowRadius<float>*, float*,
                                        long);
template __global__ void deficit_kernel(const double*, const double*, const RowRadius<double>*,
                                        double*, long);

}  // namespace fastntk
