// SPDX-License-Identifier: Apache-2.0
#include "cuda/limiting_gradients.h"

#include "common/error.h"
#include "cuda/tile_kernel.h"

namespace fastntk::cuda {

template <class T>
LimitingGradients<T>::LimitingGradients(const Samples& x, const Samples* y, double scale,
                                        const Network& network, bool nngp, const Context& context)
    : rows_(x.rows), cols_(y ? y->rows : x.rows), symmetric_(y == nullptr),
      problem_(x, y, scale, network, outputs_with_derivatives(network, nngp),
               derivatives_by_jets(network, nngp), context) {}

template <class T>
void LimitingGradients<T>::write_dense(const std::vector<T*>& to, const Context& context) const {
  constexpr int kOutputs = 1 + kParameters;
  require(to.size() == kOutputs, "one array per output is needed");
  for (int o = 0; o < kOutputs; ++o) {
    TileSink sink;
    sink.dense.to = to[o];
    sink.dense.to_float = sizeof(T) == sizeof(float);
    sink.dense.stride = cols_;
    if (o < problem_.outputs())
      launch_tiles(problem_.view(), problem_.output(o), sink, context.stream);
    else
      launch_gradient_tiles(problem_.view(), problem_.output(0), problem_.gradient(o - 1),
                            sink.dense, context.stream);
  }
}

template class LimitingGradients<float>;
template class LimitingGradients<double>;

}  // namespace fastntk::cuda
