// SPDX-License-Identifier: Apache-2.0
// A limiting kernel and its derivatives by weight_std and by bias_std, those of all linear maps at
// once: three matrices from one pass over the inner products. The recursion runs in double; float
// results are rounded once.
#pragma once

#include <string>

#include "cpu/limiting_tiles.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// Tiles of the kernel, of d / d weight_std and of d / d bias_std.
template <class T>
class LimitingGradients final : public TileSource<T> {
public:
  // cols == nullptr: symmetric. Both views must outlive the object.
  LimitingGradients(const Samples& rows, const Samples* cols, double scale, const Network& network,
                    bool nngp, const std::string& isa, int threads);

  int outputs() const override { return 1 + kParameters; }
  std::size_t scratch_bytes() const override;
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override;
  void diagonal(T* to) const override;  // the kernel's
  std::size_t bytes() const override { return tiles_.bytes(); }

  // Of the three matrices, in magnitude.
  double largest_diagonal() const { return tiles_.largest_diagonal(); }

private:
  LimitingTiles<double> tiles_;
};

}  // namespace fastntk::cpu
