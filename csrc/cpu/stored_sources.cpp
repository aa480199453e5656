// SPDX-License-Identifier: Apache-2.0
#include "cpu/stored_sources.h"

#include <algorithm>

#include "common/error.h"
#include "cpu/schedule.h"

namespace fastntk::cpu {
namespace {

constexpr long kCacheLine = 64;
constexpr long kRowsAhead = 4;  // of a dense matrix, fetched while one is copied

}  // namespace

template <class T>
PackedTriangle<T>::PackedTriangle(const TileSource<T>& source, int threads, const Poll& poll)
    : TileSource<T>(source.rows(), source.cols(), true) {
  require(source.symmetric() && source.outputs() == 1, "only one symmetric matrix can be packed");
  const long blocks = this->tile_rows();
  storage_ = AlignedBuffer<T>(triangle_size(blocks) * kTileArea);
  const ThreadLease lease(threads, triangle_size(blocks));
  std::vector<AlignedBuffer<char>> scratch;
  for (int worker = 0; worker < lease.threads(); ++worker)
    scratch.emplace_back(source.scratch_bytes());
  run_tasks(triangle_size(blocks), lease.threads(), poll, [&](int worker, long task) {
    const TileIndex at = triangle_tile(task, blocks);
    T* to = storage_.data() + offset(at.i, at.j);
    const T* tile = source.tile(at.i, at.j, to, scratch[worker].data());
    if (tile != to)
      std::copy_n(tile, kTileArea, to);
  });
}

template <class T>
std::size_t PackedTriangle<T>::offset(long bi, long bj) const {
  return static_cast<std::size_t>(triangle_index(bi, bj, this->tile_rows())) * kTileArea;
}

template <class T>
const T* PackedTriangle<T>::tile(long bi, long bj, T*, char*) const {
  return resident(bi, bj);
}

template <class T>
void PackedTriangle<T>::diagonal(T* to) const {
  for (long i = 0; i < this->rows(); ++i)
    to[i] = storage_[offset(i / kTile, i / kTile) + i % kTile * (kTile + 1)];
}

template <class T>
const T* DenseMatrix<T>::tile(long bi, long bj, T* tiles, char*) const {
  const long n = this->rows();
  const long width = std::min(kTile, n - bj * kTile), end = std::min(n, (bi + 1) * kTile);
  for (long i = bi * kTile; i < end; ++i) {
    const T* row = data_ + i * n + bj * kTile;
    // Pieces of 1 KB are too short for the hardware to follow.
    if (i + kRowsAhead < end) {
      for (long j = 0; j < width; j += kCacheLine / static_cast<long>(sizeof(T)))
        __builtin_prefetch(row + kRowsAhead * n + j);
    }
    std::copy_n(row, width, tiles + i % kTile * kTile);
  }
  return tiles;
}

template <class T>
void DenseMatrix<T>::diagonal(T* to) const {
  for (long i = 0; i < this->rows(); ++i)
    to[i] = data_[i * (this->rows() + 1)];
}

template class PackedTriangle<float>;
template class PackedTriangle<double>;
template class DenseMatrix<float>;
template class DenseMatrix<double>;

}  // namespace fastntk::cpu
