// SPDX-License-Identifier: Apache-2.0
#include "cpu/limiting_kernel.h"

#include <algorithm>

#include "cpu/float_recursion.h"

namespace fastntk::cpu {
template <class T>
LimitingKernel<T>::LimitingKernel(const Samples& x, const Samples* y, double scale,
                                  const Network& network, const std::vector<TrainedShares>& outputs,
                                  const std::string& isa, int threads)
    : TileSource<T>(x.rows, y ? y->rows : x.rows, y == nullptr), isa_(isa),
      outputs_(static_cast<int>(outputs.size())), linear_(network.activations.empty()) {
  const auto make_same = [&] {
    same_ = std::make_unique<LimitingTiles<T>>(x, y, scale, network, outputs, isa, threads);
  };
  if constexpr (sizeof(T) == sizeof(double)) {
    make_same();
    return;
  } else if (is_relu_network(network)) {
    if (!too_steep_for_float(network))
      make_same();
    if (same_ && (!too_deep_for_float(network) || same_->tabulated()))
      return;
  } else if (this->rows() * this->cols() >= kMeasuredEntries) {
    make_same();
    if (float_recursion_error(same_->plan(), network, outputs, isa) <= kFloatRecursionError)
      return;
  }
  same_.reset();
  wide_ = std::make_unique<LimitingTiles<double>>(x, y, scale, network, outputs, isa, threads);
}

template <class T>
std::size_t LimitingKernel<T>::scratch_bytes() const {
  return wide_ ? outputs_ * kTileArea * sizeof(double) + wide_->scratch_bytes()
               : same_->scratch_bytes();
}

template <class T>
void LimitingKernel<T>::clear_beyond(long rows, long cols, T* tiles) const {
  for (long i = 0; i < outputs_ * kTile; ++i) {
    T* row = tiles + i * kTile;
    std::fill(row + (i % kTile < rows ? cols : 0), row + kTile, T(0));
  }
}

template <class T>
const T* LimitingKernel<T>::tile(long bi, long bj, T* tiles, char* scratch) const {
  if (wide_) {
    double* doubles = reinterpret_cast<double*>(scratch);
    wide_->compute(bi, bj, doubles, scratch + outputs_ * kTileArea * sizeof(double));
    std::copy_n(doubles, outputs_ * kTileArea, tiles);
  } else {
    same_->compute(bi, bj, tiles, scratch);
  }
  // What these two leave beyond the matrix may be no number.
  if (wide_ || linear_)
    clear_beyond(std::min(kTile, this->rows() - bi * kTile),
                 std::min(kTile, this->cols() - bj * kTile), tiles);
  return tiles;
}

template <class T>
void LimitingKernel<T>::diagonal(T* to) const {
  require(this->symmetric(), "only a symmetric matrix has this diagonal");
  visit([&](const auto& tiles) { std::copy_n(tiles.diagonal(), this->rows(), to); });
}

template <class T>
std::size_t LimitingKernel<T>::bytes() const {
  return visit([](const auto& tiles) { return tiles.bytes(); });
}

template <class T>
double LimitingKernel<T>::largest_diagonal() const {
  return visit([](const auto& tiles) { return tiles.largest_diagonal(); });
}

template <class T>
Route LimitingKernel<T>::route() const {
  return visit([&](const auto& tiles) {
    return Route{isa_,
                 tiles.product(),
                 sizeof(T) == sizeof(double) || wide_,
                 tiles.tabulated(),
                 tiles.columns(),
                 tiles.data_columns(),
                 tiles.layers()};
  });
}

template class LimitingKernel<float>;
template class LimitingKernel<double>;

}  // namespace fastntk::cpu
