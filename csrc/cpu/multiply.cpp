// SPDX-License-Identifier: Apache-2.0
#include "cpu/multiply.h"

#include <algorithm>

#include "common/error.h"
#include "cpu/aligned_buffer.h"
#include "cpu/schedule.h"
#include "cpu/tile_product.h"
#include "cpu/workspace.h"

namespace fastntk::cpu {
namespace {

// A product with few rows is parallel over slabs of columns too, each with sums of its own: about
// kTasks in all, none of fewer than kSlabTiles tiles, and no more sums than there are vectors.
constexpr long kTasks = 64;
constexpr long kSlabTiles = 4;

long slab_count(long tile_rows, long tile_cols) {
  const long useful = std::min(ceil_div(kTasks, tile_rows), ceil_div(tile_cols, kSlabTiles));
  return std::clamp(tile_cols / tile_rows, 1L, useful);
}

// Tiles of a large symmetric matrix are taken in squares of 2 x 2, whose vectors and sums then stay
// in the second-level cache: half the traffic of one tile after another.
constexpr long kLargeTileRows = 32;
long group_tiles(long tile_rows) { return tile_rows >= kLargeTileRows ? 2 : 1; }

// Rows [begin, end) of v [., columns] to packed [.., rows]; what is padding is zero already.
template <class V>
void pack_rows(const V* v, const ColumnPacking& packing, long begin, long end, V* packed,
               long rows) {
  for (long c = 0; c < packing.chunks(); ++c) {
    const ColumnChunk chunk = packing.chunk(c);
    V* to = packed + chunk.begin * rows;
    for (long i = begin; i < end; ++i) {
      const V* from = v + i * packing.columns + chunk.begin;
      if (chunk.few) {
        for (long k = 0; k < chunk.count; ++k)
          to[k * rows + i] = from[k];
      } else {
        std::copy_n(from, chunk.count, to + i * chunk.width);
      }
    }
  }
}

// y [., columns] = the sum of the slabs' packed sums, in their order, for rows [begin, end).
void unpack_rows(const double* packed, long slabs, const ColumnPacking& packing, long begin,
                 long end, double* y, long rows) {
  const long slab_size = packing.width() * rows;
  for (long c = 0; c < packing.chunks(); ++c) {
    const ColumnChunk chunk = packing.chunk(c);
    const long row_stride = chunk.few ? 1 : chunk.width, column_stride = chunk.few ? rows : 1;
    const double* from = packed + chunk.begin * rows;
    for (long i = begin; i < end; ++i) {
      double* to = y + i * packing.columns + chunk.begin;
      for (long k = 0; k < chunk.count; ++k)
        to[k] = from[i * row_stride + k * column_stride];
      for (long slab = 1; slab < slabs; ++slab) {
        for (long k = 0; k < chunk.count; ++k)
          to[k] += from[slab * slab_size + i * row_stride + k * column_stride];
      }
    }
  }
}

// One call: three stages, each a list of rounds for the team. Vectors are packed, tiles multiplied,
// sums unpacked.
template <class T, class V>
class Multiplication {
public:
  Multiplication(const TileSource<T>& source, const V* v, double* y, long k,
                 const Engine<V>& multiplier, int threads)
      : source_(source), v_(v), y_(y), multiplier_(multiplier),
        packing_{k, multiplier.vector_lanes}, group_(group_tiles(source.tile_rows())),
        tournament_{ceil_div(source.tile_rows(), group_)},
        slabs_(source.symmetric() ? 1 : slab_count(source.tile_rows(), source.tile_cols())),
        lease_(threads, most_at_once()), work_(workspaces(source, lease_.threads())),
        vector_rows_(source.tile_cols() * kTile), sum_rows_(source.tile_rows() * kTile),
        vectors_(packing_.width() * vector_rows_), sums_(slabs_ * packing_.width() * sum_rows_) {
    if constexpr (!std::is_same_v<T, V>) {
      for (int worker = 0; worker < lease_.threads(); ++worker)
        wide_.emplace_back(kTileArea);
    }
  }

  void run(const Poll& poll) {
    std::vector<long> counts{source_.tile_cols()};
    if (source_.symmetric())
      counts.insert(counts.end(), tournament_.rounds(), tournament_.pairs_per_round());
    else
      counts.push_back(source_.tile_rows() * slabs_);
    counts.push_back(source_.tile_rows());
    const long last = static_cast<long>(counts.size()) - 1;
    run_rounds(counts, lease_.threads(), poll, [&](int worker, long round, long index) {
      const long begin = index * kTile;
      if (round == 0)
        pack_rows(v_, packing_, begin, std::min(source_.cols(), begin + kTile), vectors_.data(),
                  vector_rows_);
      else if (round == last)
        unpack_rows(sums_.data(), slabs_, packing_, begin, std::min(source_.rows(), begin + kTile),
                    y_, sum_rows_);
      else if (source_.symmetric())
        multiply_pair(worker, round - 1, index);
      else
        multiply_slab(worker, index / slabs_, index % slabs_);
    });
  }

private:
  // A round of a symmetric matrix has a pair for every two groups.
  long most_at_once() const {
    return source_.symmetric() ? ceil_div(tournament_.blocks, 2) : source_.tile_rows() * slabs_;
  }

  // Multiplies the tiles between two groups of blocks of rows.
  void multiply_pair(int worker, long round, long index) {
    TileIndex pair;
    if (!tournament_.pair(round, index, pair))
      return;
    std::vector<TileIndex> tiles = tiles_between(pair);
    // Workers mostly take turns, so that this one's next pair is that many further on.
    const long after = index + lease_.threads(), pairs = tournament_.pairs_per_round();
    if (tournament_.pair((round + after / pairs) % tournament_.rounds(), after % pairs, pair))
      tiles.push_back({pair.i * group_, pair.j * group_});
    else
      tiles.push_back(tiles.back());
    for (std::size_t t = 0; t + 1 < tiles.size(); ++t) {
      multiply_tile(worker, tiles[t], source_.resident(tiles[t + 1].i, tiles[t + 1].j),
                    sums_.data());
    }
  }

  std::vector<TileIndex> tiles_between(TileIndex pair) const {
    std::vector<TileIndex> tiles;
    const long i_begin = pair.i * group_, i_end = std::min(i_begin + group_, source_.tile_rows());
    const long j_begin = pair.j * group_, j_end = std::min(j_begin + group_, source_.tile_rows());
    for (long i = i_begin; i < i_end; ++i) {
      for (long j = std::max(i, j_begin); j < j_end; ++j)
        tiles.push_back({i, j});
    }
    return tiles;
  }

  void multiply_slab(int worker, long i, long slab) {
    const long across = source_.tile_cols();
    const long end = (slab + 1) * across / slabs_;
    for (long j = slab * across / slabs_; j < end; ++j) {
      const T* next = j + 1 < end ? source_.resident(i, j + 1) : nullptr;
      multiply_tile(worker, {i, j}, next, sums_.data() + slab * packing_.width() * sum_rows_);
    }
  }

  void multiply_tile(int worker, TileIndex at, const T* next, double* sums) {
    const T* tile = work_[worker].tile(source_, at.i, at.j);
    const long row = at.i * kTile, col = at.j * kTile;
    const bool mirrored = source_.symmetric() && at.i != at.j;
    TileProduct<V> product;
    product.tile = as_vectors(tile, worker);
    product.in_cache = !std::is_same_v<T, V> || source_.resident(at.i, at.j) == nullptr;
    product.rows = std::min(kTile, source_.rows() - row);
    product.cols = std::min(kTile, source_.cols() - col);
    product.packing = packing_;
    product.vectors = vectors_.data();
    product.vector_rows = vector_rows_;
    product.sums = sums;
    product.sum_rows = sum_rows_;
    product.row = row;
    product.col = col;
    product.mirrored = mirrored;
    product.next = reinterpret_cast<const char*>(next);
    product.next_bytes = next == nullptr ? 0 : kTileArea * sizeof(T);
    multiplier_.tile_times(product);
  }

  const V* as_vectors(const T* tile, int worker) {
    if constexpr (std::is_same_v<T, V>) {
      return tile;
    } else {
      multiplier_.widen(tile, wide_[worker].data(), kTileArea);
      return wide_[worker].data();
    }
  }

  const TileSource<T>& source_;
  const V* v_;
  double* y_;
  const Engine<V>& multiplier_;
  const ColumnPacking packing_;
  const long group_;
  const Tournament tournament_;
  const long slabs_;
  const ThreadLease lease_;
  std::vector<Workspace<T>> work_;
  std::vector<AlignedBuffer<V>> wide_;
  const long vector_rows_;
  const long sum_rows_;
  AlignedBuffer<V> vectors_;
  AlignedBuffer<double> sums_;
};

}  // namespace

template <class T, class V>
void multiply(const TileSource<T>& source, const V* v, double* y, long k,
              const Engine<V>& multiplier, int threads, const Poll& poll) {
  require(source.outputs() == 1, "only one matrix can be multiplied");
  static_assert(sizeof(V) >= sizeof(T), "vectors are not narrower than the matrix");
  Multiplication<T, V>(source, v, y, k, multiplier, threads).run(poll);
}

template void multiply(const TileSource<float>&, const float*, double*, long, const Engine<float>&,
                       int, const Poll&);
template void multiply(const TileSource<float>&, const double*, double*, long,
                       const Engine<double>&, int, const Poll&);
template void multiply(const TileSource<double>&, const double*, double*, long,
                       const Engine<double>&, int, const Poll&);

}  // namespace fastntk::cpu
