// SPDX-License-Identifier: Apache-2.0
// Matrices that are held in memory.
#pragma once

#include "cpu/aligned_buffer.h"
#include "cpu/thread_team.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// The block upper triangle of a symmetric matrix, tile after tile: about half the bytes of the
// whole.
template <class T>
class PackedTriangle final : public TileSource<T> {
public:
  PackedTriangle(const TileSource<T>& source, int threads, const Poll& poll);

  const T* tile(long bi, long bj, T* tiles, char* scratch) const override;
  const T* resident(long bi, long bj) const override { return storage_.data() + offset(bi, bj); }
  void diagonal(T* to) const override;
  std::size_t bytes() const override { return storage_.bytes(); }

private:
  std::size_t offset(long bi, long bj) const;

  AlignedBuffer<T> storage_;
};

// A view of a whole symmetric matrix, row-major. The caller keeps it alive.
template <class T>
class DenseMatrix final : public TileSource<T> {
public:
  DenseMatrix(const T* data, long n) : TileSource<T>(n, n, true), data_(data) {}

  const T* tile(long bi, long bj, T* tiles, char* scratch) const override;
  void diagonal(T* to) const override;
  std::size_t bytes() const override {
    return static_cast<std::size_t>(this->rows()) * this->rows() * sizeof(T);
  }

private:
  const T* data_;
};

}  // namespace fastntk::cpu
