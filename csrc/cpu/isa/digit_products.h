// SPDX-License-Identifier: Apache-2.0
// Products of rows in fixed point (cpu/packed_rows.h) by the matrix unit: exact sums of the products
// of digits, eight of nine, over blocks of columns, joined as floats.
//
// A block of a right panel stays in the first-level cache while the left panels come from the
// second-level one. The sums of a block of 16 x 16 are joined between the steps of the next one.
#pragma once

#include "cpu/isa/digits.h"
#include "cpu/isa/row_products.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr long kBlockSteps = 8;  // of 64 columns: sums stay below 3 2^14 512 < 2^25
// Steps between tiles that are turned: two of the next right block for each of 16 left ones.
constexpr long kTurnedEvery = 4;
constexpr int kDigitSums = 4;  // digits s and s' meet in sum s + s'
constexpr int kBlockCells = kAmxEdge * kAmxEdge;

struct DigitScratch {
  alignas(64) char right[2][kBlockSteps * kDigitStepBytes];
  alignas(64) std::int32_t sums[2][kDigitSums][kBlockCells];
};

// Sums of 16 x 16 products that wait to be joined and added to a tile, row by row.
class DigitJoiner {
public:
  void start(const std::int32_t (*sums)[kBlockCells], bool first, float* to) {
    sums_ = sums;
    first_ = first;
    to_ = to;
    next_ = 0;
  }
  void advance(int rows) {
    const int end = next_ + rows < kAmxEdge ? next_ + rows : kAmxEdge;
    for (; next_ < end; ++next_)
      join(next_);
  }
  void finish() { advance(kAmxEdge); }

private:
  void join(int row) {
    const F32 radix(256.0f);
    const int at = row * kAmxEdge;
    F32 sum = F32::convert(sums_[0] + at);
    FASTNTK_UNROLL
    for (int n = 1; n < kDigitSums; ++n)
      sum = mul_add(sum, radix, F32::convert(sums_[n] + at));
    float* to = to_ + row * kTile;
    (first_ ? sum : F32::load(to) + sum).store(to);
  }

  const std::int32_t (*sums_)[kBlockCells] = nullptr;
  bool first_ = true;
  float* to_ = nullptr;
  int next_ = kAmxEdge;
};

// One block of 16 x 16: register n sums the products of digits s and s' with s + s' = n.
template <class Between>
FASTNTK_HD void multiply_digit_block(const char* left, const char* right, long steps,
                                     std::int32_t (*to)[kBlockCells], Between between) {
  // The intrinsics do not say that they read memory.
  asm volatile("" ::: "memory");
  amx_clear();
  for (long k = 0; k < steps; ++k) {
    const char* a = left + k * kDigitStepBytes;
    const char* b = right + k * kDigitStepBytes;
    _tile_loadd(5, b, 64);
    _tile_stream_loadd(4, a, 64);
    _tile_dpbssd(0, 4, 5);
    _tile_loadd(6, b + kAmxTileBytes, 64);
    _tile_dpbssd(1, 4, 6);
    _tile_loadd(7, b + 2 * kAmxTileBytes, 64);
    _tile_dpbssd(2, 4, 7);
    _tile_stream_loadd(4, a + kAmxTileBytes, 64);
    _tile_dpbssd(1, 4, 5);
    _tile_dpbssd(2, 4, 6);
    _tile_dpbssd(3, 4, 7);
    _tile_stream_loadd(4, a + 2 * kAmxTileBytes, 64);
    _tile_dpbssd(2, 4, 5);
    _tile_dpbssd(3, 4, 6);
    between(k);
  }
  _tile_stored(0, to[0], 64);
  _tile_stored(1, to[1], 64);
  _tile_stored(2, to[2], 64);
  _tile_stored(3, to[3], 64);
}

// Fetches a block of a panel into the second-level cache, some lines at a time.
class BlockFetcher {
public:
  void start(const char* from, long bytes) {
    from_ = from;
    end_ = from + bytes;
  }
  void advance() {
    constexpr int kLines =
        kDigitStepBytes / 64 / kAmxEdge;  // a step while another is used 16 times
    for (int line = 0; line < kLines && from_ < end_; ++line, from_ += 64)
      _mm_prefetch(from_, _MM_HINT_T1);
  }

private:
  const char* from_ = nullptr;
  const char* end_ = nullptr;
};

// Turns a block of a panel with its rows first into one with its words first, a tile at a time.
class BlockTurner {
public:
  void start(const char* from, char* to, long steps) {
    from_ = from;
    to_ = to;
    tiles_ = steps * kSlices;
  }
  void advance() {
    if (tiles_ == 0)
      return;
    transpose_words(from_, to_);
    from_ += kAmxTileBytes;
    to_ += kAmxTileBytes;
    --tiles_;
  }
  void finish() {
    while (tiles_ > 0)
      advance();
  }

private:
  const char* from_ = nullptr;
  char* to_ = nullptr;
  long tiles_ = 0;
};

// to [.., kTile]: the products of the area's rows and columns, to whole blocks of 16 x 16. The
// thread's tile registers are set up.
inline void multiply_digits(const PackedRows<float>& left, const PackedRows<float>& right,
                            const ProductArea& area, DigitScratch& scratch, float* to) {
  DigitJoiner joiner;
  BlockFetcher next_left, next_right;
  BlockTurner turner;
  int current = 0, side = 0;
  for (long begin = 0; begin < left.steps(); begin += kBlockSteps) {
    const long steps = smaller(kBlockSteps, left.steps() - begin), next = begin + steps;
    const long next_bytes = smaller(kBlockSteps, left.steps() - next) * kDigitStepBytes;
    const int share = static_cast<int>(ceil_div(kAmxEdge, steps));
    turner.start(right.panel(area.col, begin), scratch.right[side], right.right() ? 0 : steps);
    for (long c = 0; c < area.cols; c += kAmxEdge) {
      const char* right_block = right.panel(area.col + c, begin);
      if (!right.right()) {
        turner.finish();
        right_block = scratch.right[side];
        side ^= 1;
        if (c + kAmxEdge < area.cols)
          turner.start(right.panel(area.col + c + kAmxEdge, begin), scratch.right[side], steps);
      }
      next_right.start(right.panel(area.col + c, next), next_bytes);
      next_left.start(left.panel(area.row + c, next), c < area.rows ? next_bytes : 0);
      for (long r = 0; r < area.rows && area.wants(r, c + kAmxEdge); r += kAmxEdge) {
        auto* sums = scratch.sums[current];
        multiply_digit_block(left.panel(area.row + r, begin), right_block, steps, sums,
                             [&](long step) {
                               joiner.advance(share);
                               next_left.advance();
                               next_right.advance();
                               if (step % kTurnedEvery == 0)
                                 turner.advance();
                             });
        joiner.finish();
        joiner.start(sums, begin == 0, to + r * kTile + c);
        current ^= 1;
      }
    }
  }
  joiner.finish();
}

}  // namespace fastntk::cpu::FASTNTK_ISA
