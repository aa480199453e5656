// SPDX-License-Identifier: Apache-2.0
#include "cpu/gram_drivers.h"

#include <algorithm>

#include "common/error.h"
#include "cpu/aligned_buffer.h"
#include "cpu/isa/engine.h"
#include "cpu/schedule.h"

namespace fastntk::cpu {
namespace {

// A matrix of more bytes is not going to be read from the caches: its stores bypass them.
constexpr std::size_t kStreamedBytes = std::size_t{8} << 20;

template <class T>
struct Workspace {
  explicit Workspace(const TileSource<T>& source, bool widen)
      : tiles(source.outputs() * kTileArea, kUninitialised),
        scratch(source.scratch_bytes(), kUninitialised),
        wide(widen ? kTileArea : 0, kUninitialised) {}
  AlignedBuffer<T> tiles;
  AlignedBuffer<char> scratch;
  AlignedBuffer<double> wide;
};

template <class T>
std::vector<Workspace<T>> workspaces(const TileSource<T>& source, int threads, bool widen) {
  std::vector<Workspace<T>> all;
  all.reserve(threads);
  for (int worker = 0; worker < threads; ++worker)
    all.emplace_back(source, widen);
  return all;
}

// Rows of k numbers with padding to padded_k, zero.
template <class V>
AlignedBuffer<V> padded_rows(const V* v, long count, long k, long padded_k) {
  AlignedBuffer<V> padded(count * padded_k);
  for (long i = 0; i < count; ++i)
    std::copy_n(v + i * k, k, padded.data() + i * padded_k);
  return padded;
}

template <class T, class V>
const V* tile_as(const T* tile, Workspace<T>& work) {
  if constexpr (std::is_same_v<T, V>) {
    return tile;
  } else {
    std::copy_n(tile, kTileArea, work.wide.data());
    return work.wide.data();
  }
}

}  // namespace

template <class T>
void write_dense(const TileSource<T>& source, const std::vector<T*>& to, const Engine<T>& engine,
                 int threads, const Poll& poll) {
  require(static_cast<int>(to.size()) == source.outputs(), "one array per output is needed");
  const long blocks = source.tile_rows(), across = source.tile_cols();
  const long tasks = source.symmetric() ? triangle_size(blocks) : blocks * across;
  const bool streaming = source.rows() * source.cols() * sizeof(T) > kStreamedBytes;
  const ThreadLease lease(threads, tasks);
  auto work = workspaces(source, lease.threads(), false);
  run_tasks(tasks, lease.threads(), poll, [&](int worker, long task) {
    const TileIndex at =
        source.symmetric() ? triangle_tile(task, blocks) : TileIndex{task / across, task % across};
    const T* tiles =
        source.tile(at.i, at.j, work[worker].tiles.data(), work[worker].scratch.data());
    const long row = at.i * kTile, col = at.j * kTile, stride = source.cols();
    const long rows = std::min(kTile, source.rows() - row),
               cols = std::min(kTile, source.cols() - col);
    for (std::size_t o = 0; o < to.size(); ++o) {
      engine.store_tile(tiles + o * kTileArea, rows, cols, to[o] + row * stride + col, stride,
                        streaming);
      if (source.symmetric() && at.i != at.j) {
        engine.store_transposed(tiles + o * kTileArea, rows, cols, to[o] + col * stride + row,
                                stride, streaming);
      }
    }
  });
}

template <class T, class V>
void multiply(const TileSource<T>& source, const V* v, double* y, long k,
              const Engine<V>& multiplier, int threads, const Poll& poll) {
  require(source.outputs() == 1, "only one matrix can be multiplied");
  static_assert(sizeof(V) >= sizeof(T), "vectors are not narrower than the matrix");
  const long padded_k = round_up(k, multiplier.vector_lanes);
  // Whole vectors are used where they lie.
  const bool whole = k == padded_k;
  const AlignedBuffer<V> padded =
      whole ? AlignedBuffer<V>() : padded_rows(v, source.cols(), k, padded_k);
  AlignedBuffer<double> padded_sums(whole ? 0 : source.rows() * padded_k);
  const V* vectors = whole ? v : padded.data();
  double* sums = whole ? y : padded_sums.data();
  if (whole)
    std::fill_n(y, source.rows() * k, 0.0);
  // Tiles at once: a round of a symmetric matrix has a tile for every two blocks of rows.
  const long blocks = source.tile_rows();
  const ThreadLease lease(threads, source.symmetric() ? (blocks + 1) / 2 : blocks);
  auto work = workspaces(source, lease.threads(), !std::is_same_v<T, V>);

  const auto tile_at = [&](int worker, long i, long j) {
    return tile_as<T, V>(source.tile(i, j, work[worker].tiles.data(), work[worker].scratch.data()),
                         work[worker]);
  };
  const auto add = [&](const V* tile, long row_stride, long depth_stride, long out, long in,
                       long rows, long depth) {
    multiplier.tile_times(tile, row_stride, depth_stride, std::min(kTile, rows - out * kTile),
                          std::min(kTile, depth - in * kTile), vectors + in * kTile * padded_k,
                          sums + out * kTile * padded_k, padded_k);
  };
  const long rows = source.rows(), cols = source.cols();
  if (source.symmetric()) {
    const Tournament tournament{source.tile_rows()};
    const std::vector<long> counts(tournament.rounds(), tournament.pairs_per_round());
    run_rounds(counts, lease.threads(), poll, [&](int worker, long round, long index) {
      TileIndex at;
      if (!tournament.pair(round, index, at))
        return;
      const V* tile = tile_at(worker, at.i, at.j);
      add(tile, kTile, 1, at.i, at.j, rows, cols);
      if (at.i != at.j)
        add(tile, 1, kTile, at.j, at.i, rows, cols);
    });
  } else {
    run_tasks(source.tile_rows(), lease.threads(), poll, [&](int worker, long i) {
      for (long j = 0; j < source.tile_cols(); ++j)
        add(tile_at(worker, i, j), kTile, 1, i, j, rows, cols);
    });
  }
  if (whole)
    return;
  for (long i = 0; i < rows; ++i)
    std::copy_n(sums + i * padded_k, k, y + i * k);
}

template void write_dense(const TileSource<float>&, const std::vector<float*>&,
                          const Engine<float>&, int, const Poll&);
template void write_dense(const TileSource<double>&, const std::vector<double*>&,
                          const Engine<double>&, int, const Poll&);
template void multiply(const TileSource<float>&, const float*, double*, long, const Engine<float>&,
                       int, const Poll&);
template void multiply(const TileSource<float>&, const double*, double*, long,
                       const Engine<double>&, int, const Poll&);
template void multiply(const TileSource<double>&, const double*, double*, long,
                       const Engine<double>&, int, const Poll&);

}  // namespace fastntk::cpu
