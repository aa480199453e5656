// SPDX-License-Identifier: Apache-2.0
// Matrices that lie in device memory; twins of cpu/stored_sources.h.
#pragma once

#include "cuda/tile_sink.h"
#include "cuda/tile_source.h"

namespace fastntk::cuda {

// Where a stored matrix lies: whole, or the upper triangle of a symmetric one packed.
template <class T>
struct StoredView {
  const T* data;
  long rows;
  long cols;
  bool symmetric;
  bool is_packed;
  PackedLayout packed;

  FASTNTK_HD const T& at(long i, long j) const {
    return data[is_packed ? packed.index(i, j) : i * cols + j];
  }
};

template <class T>
class StoredSource : public TileSource<T> {
public:
  void write_dense(const std::vector<T*>& to, const Context& context) const override;
  void write_packed(T* to, const Context& context) const override;
  void multiply(const float* v, double* y, long k, const Context& context) const override;
  void multiply(const double* v, double* y, long k, const Context& context) const override;

protected:
  // largest: the magnitude that no entry exceeds, not zero.
  StoredSource(const StoredView<T>& view, double largest)
      : TileSource<T>(view.rows, view.cols, view.symmetric), view_(view), largest_(largest) {}
  StoredView<T> view_;

private:
  template <class V>
  void times(const V* v, double* y, long k, const Context& context) const;
  void write(const DenseSink& to, const Context& context) const;

  double largest_;
};

// A view of a symmetric matrix [n, n], row-major, contiguous, that outlives it.
template <class T>
class DenseMatrix final : public StoredSource<T> {
public:
  DenseMatrix(const T* matrix, long n, double largest_magnitude);

  void diagonal(T* to, const Context& context) const override;
  std::size_t bytes() const override { return this->rows() * this->rows() * sizeof(T); }
};

// A view of any matrix [rows, cols] or of some of its rows, row-major, contiguous, that outlives it.
template <class T>
class DenseBlock final : public StoredSource<T> {
public:
  DenseBlock(const T* matrix, long rows, long cols, double largest_magnitude);

  void diagonal(T* to, const Context& context) const override;
  std::size_t bytes() const override { return this->rows() * this->cols() * sizeof(T); }
};

// The upper triangle of a source, computed when it is made: about half the memory.
template <class T>
class PackedTriangle final : public StoredSource<T> {
public:
  // largest_magnitude: of the source's entries.
  PackedTriangle(const TileSource<T>& source, double largest_magnitude, const Context& context);

  static std::size_t bytes_of(long n) { return PackedLayout(n).size() * sizeof(T); }

  void diagonal(T* to, const Context& context) const override;
  std::size_t bytes() const override { return triangle_.bytes() + diagonal_.bytes(); }

private:
  DeviceArray<T> triangle_;
  DeviceArray<T> diagonal_;
};

}  // namespace fastntk::cuda
