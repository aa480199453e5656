// SPDX-License-Identifier: Apache-2.0
#include "cuda/convert.h"

#include "common/index.h"

namespace fastntk::cuda {
namespace {

constexpr int kConvertThreads = 256;

// thread -> number
template <class From, class To>
__global__ void convert_kernel(const From* from, To* to, long count, long stride) {
  const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count)
    to[i] = static_cast<To>(from[i * stride]);
}

}  // namespace

template <class From, class To>
void convert(const From* from, To* to, long count, const Context& context, long stride) {
  const dim3 grid(static_cast<unsigned>(ceil_div(count, kConvertThreads)));
  launch(convert_kernel<From, To>, {grid, dim3(kConvertThreads), 0, context.stream}, from, to,
         count, stride);
}

template void convert(const float*, float*, long, const Context&, long);
template void convert(const double*, float*, long, const Context&, long);
template void convert(const double*, double*, long, const Context&, long);

}  // namespace fastntk::cuda
