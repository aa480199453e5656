// SPDX-License-Identifier: Apache-2.0
// The tile that a block of threads computes, and who computes what of it.
//
// Eight warps share a tile. While products are formed a warp has kWarpRows x kWarpCols of it, and a
// thread every eighth row and two of every eight columns: the layout of a matrix instruction's
// result. When cells are evaluated a warp has kRowsPerWarp whole rows.
#pragma once

#include "common/index.h"
#include "common/product.h"
#include "cuda/device.h"
#include "cuda/problem.h"

namespace fastntk::cuda {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kWarp;

// Integer sums of products of digits, by their weights; the products of two third digits are left
// out.
constexpr int kSliceSums = 4;

// kRowsOf x kColsOf cells among the threads of a block.
template <int kRowsOf, int kColsOf>
struct TileLayout {
  static constexpr int kRows = kRowsOf;
  static constexpr int kCols = kColsOf;
  static constexpr int kCells = kRows * kCols;

  static constexpr int kWarpCols = 32;
  static constexpr int kWarpRows = kCols * kRows / kWarps / kWarpCols;
  static constexpr int kThreadRows = kWarpRows / 8;
  static constexpr int kThreadPairs = kWarpCols / 8;  // pairs of neighbouring columns
  static constexpr int kWarpsAcross = kCols / kWarpCols;
  static constexpr int kRowsPerWarp = kRows / kWarps;

  static constexpr int kPlaneBytes = (kRows + kCols) * kRunBytes;

  // First row and column of a thread in its tile.
  FASTNTK_HD static int thread_row(int thread) {
    return thread / kWarp / kWarpsAcross * kWarpRows + thread % kWarp / 4;
  }
  FASTNTK_HD static int thread_col(int thread) {
    return thread / kWarp % kWarpsAcross * kWarpCols + thread % 4 * 2;
  }
};

// Half as high where a cell has four sums.
constexpr int tile_rows(Product product) { return product == Product::kSlices ? 64 : 128; }
// Twice as wide where the accumulators and the cells leave room: fewer bytes are read per entry.
constexpr int tile_cols(Product product, int cell_bytes) {
  return product == Product::kInteger && cell_bytes == 4 ? 128 : 64;
}

template <Product kProductOf, class P>
struct TileShape : TileLayout<tile_rows(kProductOf), tile_cols(kProductOf, sizeof(P))> {
  using Layout = TileLayout<tile_rows(kProductOf), tile_cols(kProductOf, sizeof(P))>;
  static constexpr Product kProduct = kProductOf;

  static constexpr int kDigits = kProduct == Product::kSlices ? fastntk::kSlices : 1;
  static constexpr int kStages = kProduct == Product::kSlices ? 2 : 4;
  static constexpr int kStageBytes = Layout::kPlaneBytes * kDigits;
  static constexpr int kCellBytes = Layout::kCells * static_cast<int>(sizeof(P));
  // Blocks that share a multiprocessor: more registers for a thread where its sums need them.
  static constexpr int kBlocks =
      kProduct == Product::kFloat || kProduct == Product::kDouble ? 1 : 2;
  // Cells take the place of what was multiplied.
  static constexpr int kSharedBytes =
      kStages * kStageBytes > kCellBytes ? kStages* kStageBytes : kCellBytes;
};

struct TileIndex {
  long i;  // rows [i kRows, (i + 1) kRows)
  long j;
};

// Blocks go down a group of tile rows before they go on to the next column: what they read of the
// columns is then read once by the whole group.
template <class Shape>
struct TileOrder {
  static constexpr long kGroup = 8;
  static constexpr long kRatio = Shape::kRows / Shape::kCols;  // tile columns per tile row

  long tile_rows, tile_cols;
  bool symmetric;

  TileOrder(long rows, long cols, bool is_symmetric)
      : tile_rows(ceil_div(rows, Shape::kRows)), tile_cols(ceil_div(cols, Shape::kCols)),
        symmetric(is_symmetric) {}

  long groups() const { return ceil_div(tile_rows, kGroup); }
  long blocks() const { return begin(groups()); }

  // False for a block without a tile: behind the last row, or below the diagonal.
  FASTNTK_HD bool tile(long block, TileIndex& at) const {
    long group = block / (kGroup * tile_cols);
    if (symmetric) {
      // begin(group) <= block < begin(group + 1); the root is right to one or two.
      const double a = kRatio * kGroup * 0.5, b = tile_cols + a;
      const double below = b * b - 4 * a * (static_cast<double>(block) / kGroup);
      group = static_cast<long>((b - std::sqrt(below > 0 ? below : 0)) / (2 * a));
      while (group > 0 && begin(group) > block)
        --group;
      while (begin(group + 1) <= block)
        ++group;
    }
    const long within = block - begin(group);
    at.i = group * kGroup + within % kGroup;
    at.j = first_col(group * kGroup) + within / kGroup;
    return at.i < tile_rows && at.j >= first_col(at.i);
  }

private:
  FASTNTK_HD long first_col(long i) const { return symmetric ? i * kRatio : 0; }
  // Blocks of the groups before: each has kGroup rows of the columns from its first row's on.
  FASTNTK_HD long begin(long group) const {
    const long left_out = symmetric ? kRatio * kGroup * (group * (group - 1) / 2) : 0;
    return kGroup * (group * tile_cols - left_out);
  }
};

}  // namespace fastntk::cuda
