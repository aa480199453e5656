// SPDX-License-Identifier: Apache-2.0
// A tile times packed vectors, and the transposed tile. Sums of one tile (at most 256 products)
// stay in T; tiles are added in double.
//
// A strip of kTimesRows rows of the tile (columns, if transposed) meets a chunk of two vectors: 14
// loads for 24 multiply-adds with 32 registers. The chunk's 256 rows stay in the first-level cache
// and the tile in the second while chunk after chunk and both directions read it. One vector of
// columns takes both directions at once, as do fewer columns than a vector has lanes: vectors then
// hold columns of the tile.
#pragma once

#include <type_traits>

#include "cpu/isa/pack.h"
#include "cpu/tile_product.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kTimesRows = kVectorBytes == 64 ? 12 : kVectorBytes == 32 ? 6 : 4;
constexpr int kTailRows = kVectorBytes == 64 ? 8 : 4;
constexpr int kFewRows = kVectorBytes == 64 ? 4 : 2;
constexpr long kDepthBlock = 16;  // steps between two requests for the next tile
constexpr long kLine = 64;
constexpr long kAhead = 8192;  // bytes between reading a tile once and asking for it

// Memory on its way to a cache, some lines at a time. Hardware follows no stream beyond 4 KB, four
// rows of a tile.
struct Fetch {
  const char* at;
  const char* end;

  template <int kLocality>  // 3: to the first level, 2: to the second
  FASTNTK_HD void advance(long lines) {
    for (long l = 0; l < lines && at < end; ++l, at += kLine)
      __builtin_prefetch(at, 0, kLocality);
  }
};

// The next tile, so many lines with every block of steps of this one.
struct NextTile {
  Fetch fetch;
  long lines;
  FASTNTK_HD void advance() { fetch.advance<2>(lines); }
};

// This tile, where it is read once and not from a cache, so many bytes ahead of its use; then as
// much of the next one.
struct AheadInTile {
  Fetch tile;
  Fetch next;

  template <class T>
  FASTNTK_HD AheadInTile(const TileProduct<T>& p, const ColumnChunk& chunk, long bytes)
      : tile{}, next{} {
    if (p.in_cache || chunk.begin > 0)
      return;
    next = {p.next, p.next + smaller(static_cast<long>(p.next_bytes), bytes)};
    tile.at = reinterpret_cast<const char*>(p.tile);
    tile.end = reinterpret_cast<const char*>(p.tile + kTileArea);
    tile.advance<3>(bytes / kLine);
  }
  FASTNTK_HD void advance(long lines) {
    (tile.at < tile.end ? tile : next).template advance<3>(lines);
  }
};

// count: whole vectors of sums of a tile, added in double.
template <class T>
FASTNTK_HD void add_to(double* y, const T* sums, long count) {
  for (long c = 0; c < count; c += F64::kLanes)
    (F64::load(y + c) + F64::convert(sums + c)).store(y + c);
}

// y [kRows][width] += rows of the tile, or columns, times v [depth][width].
template <int kRows, int kVectors, bool kTransposed, class T>
FASTNTK_HD void times_strip(const T* tile, long depth, const T* v, double* y, NextTile& next) {
  using V = Pack<T>;
  constexpr long kWidth = kVectors * V::kLanes;
  constexpr long kRowStride = kTransposed ? 1 : kTile, kDepthStride = kTransposed ? kTile : 1;
  // Sums of the next strip, so many lines with every block of steps.
  constexpr long kStripSums = kRows * kWidth;
  constexpr long kSumLines = ceil_div(kStripSums * 8 / kLine, kTile / kDepthBlock);
  const double* sums_ahead = y + kStripSums;
  V sums[kRows][kVectors];
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int c = 0; c < kVectors; ++c)
      sums[i][c] = V(T(0));
  }
  for (long begin = 0; begin < depth; begin += kDepthBlock) {
    next.advance();
    FASTNTK_UNROLL
    for (long l = 0; l < kSumLines; ++l, sums_ahead += kLine / 8)
      __builtin_prefetch(sums_ahead, 1, 3);
    const long end = smaller(begin + kDepthBlock, depth);
    for (long k = begin; k < end; ++k) {
      V b[kVectors];
      FASTNTK_UNROLL
      for (int c = 0; c < kVectors; ++c)
        b[c] = V::load(v + k * kWidth + c * V::kLanes);
      FASTNTK_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const V a(tile[i * kRowStride + k * kDepthStride]);
        FASTNTK_UNROLL
        for (int c = 0; c < kVectors; ++c)
          sums[i][c] = mul_add(a, b[c], sums[i][c]);
      }
    }
  }
  alignas(kVectorBytes) T block[kRows * kWidth];
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int c = 0; c < kVectors; ++c)
      sums[i][c].store(block + i * kWidth + c * V::kLanes);
  }
  add_to(y, block, kStripSums);
}

template <int kVectors, bool kTransposed, class T>
void times_chunk(const T* tile, long rows, long depth, const T* v, double* y, NextTile& next) {
  constexpr long kWidth = kVectors * Pack<T>::kLanes;
  constexpr long kRowStride = kTransposed ? 1 : kTile;
  long i = 0;
  // Tails end within the tile: 256 = 20 * 12 + 2 * 8 = 42 * 6 + 4.
  for (; rows - i > 2 * kTailRows; i += kTimesRows) {
    times_strip<kTimesRows, kVectors, kTransposed>(tile + i * kRowStride, depth, v, y + i * kWidth,
                                                   next);
  }
  for (; i < rows; i += kTailRows) {
    times_strip<kTailRows, kVectors, kTransposed>(tile + i * kRowStride, depth, v, y + i * kWidth,
                                                  next);
  }
}

// The strip and its transpose at once, for one vector of columns: each entry of the tile, broadcast
// once, serves both, so that here too 14 loads make 24 multiply-adds.
//   y [kRows][lanes] += rows v_columns [depth][lanes],   column_sums [depth][lanes] += rows^T v_rows
template <int kRows, class T>
FASTNTK_HD void mirrored_strip(const T* tile, long depth, const T* v_columns, const T* v_rows,
                               double* y, T* column_sums, AheadInTile& ahead) {
  using V = Pack<T>;
  constexpr long kLanes = V::kLanes;
  constexpr long kLines = kRows * kDepthBlock * static_cast<long>(sizeof(T)) / kLine;
  V sums[kRows], rows[kRows];
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    sums[i] = V(T(0));
    rows[i] = V::load(v_rows + i * kLanes);
  }
  for (long begin = 0; begin < depth; begin += kDepthBlock) {
    ahead.advance(kLines);
    const long end = smaller(begin + kDepthBlock, depth);
    for (long k = begin; k < end; ++k) {
      const V b = V::load(v_columns + k * kLanes);
      V even = V::load(column_sums + k * kLanes), odd(T(0));
      FASTNTK_UNROLL
      for (int i = 0; i < kRows; i += 2) {
        const V a(tile[i * kTile + k]), c(tile[(i + 1) * kTile + k]);
        sums[i] = mul_add(a, b, sums[i]);
        even = mul_add(a, rows[i], even);
        sums[i + 1] = mul_add(c, b, sums[i + 1]);
        odd = mul_add(c, rows[i + 1], odd);
      }
      (even + odd).store(column_sums + k * kLanes);
    }
  }
  alignas(kVectorBytes) T block[kRows * kLanes];
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i)
    sums[i].store(block + i * kLanes);
  add_to(y, block, kRows * kLanes);
}

template <class T>
void times_mirrored(const TileProduct<T>& p, const ColumnChunk& chunk) {
  constexpr long kLanes = Pack<T>::kLanes;
  const T* v = p.vectors + chunk.begin * p.vector_rows;
  double* y = p.sums + chunk.begin * p.sum_rows;
  alignas(kVectorBytes) T column_sums[kTile * kLanes] = {};
  AheadInTile ahead(p, chunk, kTimesRows * kTile * static_cast<long>(sizeof(T)));
  const auto strip = [&](auto rows, long i) {
    mirrored_strip<rows>(p.tile + i * kTile, p.cols, v + p.col * kLanes, v + (p.row + i) * kLanes,
                         y + (p.row + i) * kLanes, column_sums, ahead);
  };
  long i = 0;
  for (; p.rows - i > 2 * kTailRows; i += kTimesRows)
    strip(std::integral_constant<int, kTimesRows>(), i);
  for (; i < p.rows; i += kTailRows)
    strip(std::integral_constant<int, kTailRows>(), i);
  add_to(y + p.col * kLanes, column_sums, p.cols * kLanes);
}

template <int kVectors, class T>
void times_both(const TileProduct<T>& p, const ColumnChunk& chunk, NextTile& next) {
  const T* v = p.vectors + chunk.begin * p.vector_rows;
  double* y = p.sums + chunk.begin * p.sum_rows;
  times_chunk<kVectors, false>(p.tile, p.rows, p.cols, v + p.col * chunk.width,
                               y + p.row * chunk.width, next);
  if (p.mirrored) {
    times_chunk<kVectors, true>(p.tile, p.cols, p.rows, v + p.row * chunk.width,
                                y + p.col * chunk.width, next);
  }
}

// Halves onto halves.
template <class T>
FASTNTK_HD T lane_sum(Pack<T> a) {
  alignas(kVectorBytes) T lanes[Pack<T>::kLanes];
  a.store(lanes);
  FASTNTK_UNROLL
  for (int width = Pack<T>::kLanes / 2; width > 0; width /= 2) {
    FASTNTK_UNROLL
    for (int l = 0; l < width; ++l)
      lanes[l] += lanes[l + width];
  }
  return lanes[0];
}

template <int kColumns, bool kMirrored, class T>
void times_few(const TileProduct<T>& p, const ColumnChunk& chunk) {
  using V = Pack<T>;
  const T* v = p.vectors + chunk.begin * p.vector_rows;
  double* y = p.sums + chunk.begin * p.sum_rows;
  const long width = round_up(p.cols, V::kLanes);
  alignas(kVectorBytes) T column_sums[kColumns][kTile] = {};
  AheadInTile ahead(p, chunk, kAhead);
  for (long i = 0; i < p.rows; i += kFewRows) {
    constexpr long kStripLines = kFewRows * kTile * static_cast<long>(sizeof(T)) / kLine;
    ahead.advance(kStripLines);
    V dots[kFewRows][kColumns];
    FASTNTK_UNROLL
    for (int r = 0; r < kFewRows; ++r) {
      FASTNTK_UNROLL
      for (int c = 0; c < kColumns; ++c)
        dots[r][c] = V(T(0));
    }
    for (long j = 0; j < width; j += V::kLanes) {
      V a[kFewRows];
      FASTNTK_UNROLL
      for (int r = 0; r < kFewRows; ++r)
        a[r] = V::load(p.tile + (i + r) * kTile + j);
      FASTNTK_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        const V b = V::load(v + c * p.vector_rows + p.col + j);
        FASTNTK_UNROLL
        for (int r = 0; r < kFewRows; ++r)
          dots[r][c] = mul_add(a[r], b, dots[r][c]);
        if constexpr (kMirrored) {
          V sum = V::load(column_sums[c] + j);
          FASTNTK_UNROLL
          for (int r = 0; r < kFewRows; ++r)
            sum = mul_add(a[r], V(v[c * p.vector_rows + p.row + i + r]), sum);
          sum.store(column_sums[c] + j);
        }
      }
    }
    for (int c = 0; c < kColumns; ++c) {
      for (int r = 0; r < kFewRows; ++r)
        y[c * p.sum_rows + p.row + i + r] += lane_sum(dots[r][c]);
    }
  }
  if constexpr (kMirrored) {
    for (int c = 0; c < kColumns; ++c) {
      for (long j = 0; j < p.cols; ++j)
        y[c * p.sum_rows + p.col + j] += column_sums[c][j];
    }
  }
}

template <int kColumns, class T>
void times_few(const TileProduct<T>& p, const ColumnChunk& chunk) {
  if (p.mirrored)
    times_few<kColumns, true>(p, chunk);
  else
    times_few<kColumns, false>(p, chunk);
}

template <class T>
void tile_times(const TileProduct<T>& p) {
  const long chunks = p.packing.chunks();
  const long blocks_of_steps =
      chunks * ceil_div(p.rows, kTimesRows) * ceil_div(p.cols, kDepthBlock) * (p.mirrored ? 2 : 1);
  NextTile next{{p.next, p.next + p.next_bytes},
                ceil_div(static_cast<long>(p.next_bytes) / kLine, blocks_of_steps)};
  for (long c = 0; c < chunks; ++c) {
    const ColumnChunk chunk = p.packing.chunk(c);
    if (!chunk.few) {
      if (chunk.width == 2 * Pack<T>::kLanes)
        times_both<2>(p, chunk, next);
      else if (p.mirrored)
        times_mirrored(p, chunk);
      else
        times_both<1>(p, chunk, next);
    } else if (chunk.count == 1) {
      times_few<1>(p, chunk);
    } else if (chunk.count == 2) {
      times_few<2>(p, chunk);
    } else if (chunk.count == 3) {
      times_few<3>(p, chunk);
    } else {
      times_few<4>(p, chunk);
    }
  }
}

// count: a multiple of the lanes of T.
template <class T>
void widen(const float* from, T* to, long count) {
  for (long i = 0; i < count; i += Pack<T>::kLanes)
    Pack<T>::convert(from + i).store(to + i);
}

}  // namespace fastntk::cpu::FASTNTK_ISA
