// SPDX-License-Identifier: Apache-2.0
// A matrix delivered tile by tile: computed on demand, or stored. The drivers (gram_drivers.h,
// multiply.h) know nothing else of it, so a new storage or a new kernel is a new subclass.
#pragma once

#include <cstddef>

#include "cpu/tile.h"

namespace fastntk::cpu {

template <class T>
class TileSource {
public:
  TileSource(long rows, long cols, bool symmetric)
      : rows_(rows), cols_(cols), symmetric_(symmetric) {}
  virtual ~TileSource() = default;
  TileSource(const TileSource&) = delete;
  TileSource& operator=(const TileSource&) = delete;

  long rows() const { return rows_; }
  long cols() const { return cols_; }
  bool symmetric() const { return symmetric_; }
  long tile_rows() const { return ceil_div(rows_, kTile); }
  long tile_cols() const { return ceil_div(cols_, kTile); }

  // Matrices that one tile call delivers together.
  virtual int outputs() const { return 1; }
  // Bytes of scratch a worker hands to tile(), beside the tiles themselves.
  virtual std::size_t scratch_bytes() const { return 0; }
  // Tile (bi, bj) of each output, kTile x kTile, row-major, one after the other: in `tiles` (zeroed
  // once by the caller), or in memory of the source's own. Cells beyond the matrix are finite and
  // have no meaning. A symmetric source is asked for bi <= bj only.
  virtual const T* tile(long bi, long bj, T* tiles, char* scratch) const = 0;
  // Where tile (bi, bj) lies in memory of the source's own, to fetch it ahead; null if it does not.
  virtual const T* resident(long, long) const { return nullptr; }
  // rows() numbers; symmetric sources only.
  virtual void diagonal(T* to) const = 0;
  // Bytes this source holds.
  virtual std::size_t bytes() const = 0;

private:
  long rows_;
  long cols_;
  bool symmetric_;
};

}  // namespace fastntk::cpu
