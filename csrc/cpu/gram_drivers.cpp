// SPDX-License-Identifier: Apache-2.0
#include "cpu/gram_drivers.h"

#include <algorithm>

#include "common/error.h"
#include "cpu/schedule.h"
#include "cpu/workspace.h"

namespace fastntk::cpu {
namespace {

constexpr long kTransposeBlock = 16;  // 16 x 16 floats: sixteen cache lines read, sixteen written

template <class T>
void copy_tile(const T* tile, T* to, long rows, long cols, long stride) {
  for (long i = 0; i < rows; ++i)
    std::copy_n(tile + i * kTile, cols, to + i * stride);
}

// to [cols, rows] = tile^T.
template <class T>
void copy_transposed(const T* tile, T* to, long rows, long cols, long stride) {
  for (long j = 0; j < cols; j += kTransposeBlock) {
    for (long i = 0; i < rows; i += kTransposeBlock) {
      const long j_end = std::min(cols, j + kTransposeBlock),
                 i_end = std::min(rows, i + kTransposeBlock);
      for (long jj = j; jj < j_end; ++jj) {
        for (long ii = i; ii < i_end; ++ii)
          to[jj * stride + ii] = tile[ii * kTile + jj];
      }
    }
  }
}

}  // namespace

template <class T>
void write_dense(const TileSource<T>& source, const std::vector<T*>& to, int threads,
                 const Poll& poll) {
  require(static_cast<int>(to.size()) == source.outputs(), "one array per output is needed");
  const long blocks = source.tile_rows(), across = source.tile_cols();
  const long tasks = source.symmetric() ? triangle_size(blocks) : blocks * across;
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
      copy_tile(tiles + o * kTileArea, to[o] + row * stride + col, rows, cols, stride);
      if (source.symmetric() && at.i != at.j) {
        copy_transposed(tiles + o * kTileArea, to[o] + col * stride + row, rows, cols, stride);
      }
    }
  });
}

template void write_dense(const TileSource<float>&, const std::vector<float*>&, int, const Poll&);
template void write_dense(const TileSource<double>&, const std::vector<double*>&, int, const Poll&);

}  // namespace fastntk::cpu
