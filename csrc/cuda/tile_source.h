// SPDX-License-Identifier: Apache-2.0
// A matrix in device memory, or computed there on demand; twin of cpu/tile_source.h. Everything is
// queued on the context's stream, and nothing waits for it.
#pragma once

#include <vector>

#include "common/error.h"
#include "cuda/context.h"

namespace fastntk::cuda {

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

  // Matrices that one source delivers of a problem, and problems of one shape.
  virtual int outputs() const { return 1; }
  virtual int batch() const { return 1; }
  // to[o]: [rows, cols], or [batch, rows, cols], of output o, row-major, contiguous, device memory.
  virtual void write_dense(const std::vector<T*>& to, const Context& context) const = 0;
  // The upper triangle of the first output, PackedLayout(rows()).size() numbers; symmetric sources
  // only.
  virtual void write_packed(T* to, const Context& context) const = 0;
  // y = K v of the first output.  v [cols, k], y [rows, k], row-major, contiguous. Products within a
  // tile are formed with the digits of V and T; tiles are added up exactly, in fixed point of 62
  // bits of the largest sum there can be, so that the result depends on no order.
  virtual void multiply(const float* v, double* y, long k, const Context& context) const = 0;
  virtual void multiply(const double* v, double* y, long k, const Context& context) const = 0;
  // rows() numbers; symmetric sources only.
  virtual void diagonal(T* to, const Context& context) const = 0;
  // Bytes of device memory held.
  virtual std::size_t bytes() const = 0;

private:
  long rows_;
  long cols_;
  bool symmetric_;
};

}  // namespace fastntk::cuda
