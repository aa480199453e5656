// SPDX-License-Identifier: Apache-2.0
#include "cpu/gram_drivers.h"

#include <algorithm>

#include "common/error.h"
#include "cpu/isa/engine.h"
#include "cpu/schedule.h"
#include "cpu/workspace.h"

namespace fastntk::cpu {
namespace {

// A matrix of more bytes is not going to be read from the caches: its stores bypass them.
constexpr std::size_t kStreamedBytes = std::size_t{8} << 20;

}  // namespace

template <class T>
void write_dense(const TileSource<T>& source, const std::vector<T*>& to, const Engine<T>& engine,
                 int threads, const Poll& poll) {
  require(static_cast<int>(to.size()) == source.outputs(), "one array per output is needed");
  const long blocks = source.tile_rows(), across = source.tile_cols();
  const long tasks = source.symmetric() ? triangle_size(blocks) : blocks * across;
  const bool streaming = source.rows() * source.cols() * sizeof(T) > kStreamedBytes;
  const ThreadLease lease(threads, tasks);
  auto work = workspaces(source, lease.threads());
  run_tasks(tasks, lease.threads(), poll, [&](int worker, long task) {
    const TileIndex at =
        source.symmetric() ? triangle_tile(task, blocks) : TileIndex{task / across, task % across};
    const T* tiles = work[worker].tile(source, at.i, at.j);
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

template void write_dense(const TileSource<float>&, const std::vector<float*>&,
                          const Engine<float>&, int, const Poll&);
template void write_dense(const TileSource<double>&, const std::vector<double*>&,
                          const Engine<double>&, int, const Poll&);

}  // namespace fastntk::cpu
