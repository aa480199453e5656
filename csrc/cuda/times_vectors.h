// SPDX-License-Identifier: Apache-2.0
// y = K v, whatever computes or reads the tiles of K.
#pragma once

#include <type_traits>

#include "cuda/vectors.h"

namespace fastntk::cuda {

// tiles(sink) sends t_ij, see vectors.h, to a VectorSink. Doubles are multiplied where the tiles or
// the vectors are doubles.
template <class P, class V, class Tiles>
void times_vectors(Factors<P> rows, Factors<P> cols, double largest, const V* v, double* y, long k,
                   const Context& context, Tiles tiles) {
  using U = std::common_type_t<P, V>;
  if (k == 0)
    return;
  const ScaledVectors<U> vectors(v, k, cols, rows.count, largest, context);
  TileSink sink;
  sink.vectors = vectors.sink();
  tiles(sink);
  vectors.finish(rows, y, context);
}

}  // namespace fastntk::cuda
