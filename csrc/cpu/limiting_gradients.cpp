// SPDX-License-Identifier: Apache-2.0
#include "cpu/limiting_gradients.h"

#include <algorithm>
namespace fastntk::cpu {

template <class T>
LimitingGradients<T>::LimitingGradients(const Samples& x, const Samples* y, double scale,
                                        const Network& network, bool nngp, const std::string& isa,
                                        int threads)
    : TileSource<T>(x.rows, y ? y->rows : x.rows, y == nullptr),
      tiles_(x, y, scale, network, outputs_with_derivatives(network, nngp),
             derivatives_by_jets(network, nngp), isa, threads) {
  require(tiles_.outputs() == outputs(), "a kernel has two derivatives");
}

template <class T>
std::size_t LimitingGradients<T>::scratch_bytes() const {
  return outputs() * kTileArea * sizeof(double) + tiles_.scratch_bytes();
}

template <class T>
const T* LimitingGradients<T>::tile(long bi, long bj, T* tiles, char* scratch) const {
  double* doubles = reinterpret_cast<double*>(scratch);
  tiles_.compute(bi, bj, doubles, scratch + outputs() * kTileArea * sizeof(double));
  const long rows = std::min(kTile, this->rows() - bi * kTile);
  const long cols = std::min(kTile, this->cols() - bj * kTile);
  for (long i = 0; i < outputs() * kTile; ++i) {
    // What lies beyond the matrix may be no number.
    T* row = tiles + i * kTile;
    const long count = i % kTile < rows ? cols : 0;
    std::copy_n(doubles + i * kTile, count, row);
    std::fill(row + count, row + kTile, T(0));
  }
  return tiles;
}

template <class T>
void LimitingGradients<T>::diagonal(T* to) const {
  require(this->symmetric(), "only a symmetric matrix has this diagonal");
  std::copy_n(tiles_.diagonal(), this->rows(), to);
}

template class LimitingGradients<float>;
template class LimitingGradients<double>;

}  // namespace fastntk::cpu
