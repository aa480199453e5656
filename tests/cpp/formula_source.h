// SPDX-License-Identifier: Apache-2.0
// A matrix of small integers by formula: whoever copies, adds or multiplies it must be exact.
#pragma once

#include <algorithm>

#include "cpu/tile_source.h"

namespace test {

template <class T>
class FormulaSource final : public fastntk::cpu::TileSource<T> {
public:
  FormulaSource(long rows, long cols, bool symmetric, int outputs = 1)
      : fastntk::cpu::TileSource<T>(rows, cols, symmetric), outputs_(outputs) {}

  // 10 bits, and different for neighbours, for transposed entries of no symmetric matrix, and for
  // entries that lie a tile apart.
  T entry(long i, long j, int output = 0) const {
    if (this->symmetric() && i > j)
      std::swap(i, j);
    return static_cast<T>((i * 37 + j * 101 + i / 256 * 11 + j / 256 * 5 + output * 7) % 1021);
  }

  int outputs() const override { return outputs_; }
  std::size_t scratch_bytes() const override { return kScratch; }
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override {
    using fastntk::cpu::kTile;
    std::fill_n(scratch, kScratch, '\1');  // all that was asked for may be used
    for (int o = 0; o < outputs_; ++o) {
      for (long i = 0; i < kTile; ++i) {
        for (long j = 0; j < kTile; ++j) {
          const long row = bi * kTile + i, col = bj * kTile + j;
          const bool inside = row < this->rows() && col < this->cols();
          tiles[(o * kTile + i) * kTile + j] = inside ? entry(row, col, o) : T(kOutside);
        }
      }
    }
    return tiles;
  }
  void diagonal(T* to) const override {
    for (long i = 0; i < this->rows(); ++i)
      to[i] = entry(i, i);
  }
  std::size_t bytes() const override { return sizeof *this; }

private:
  static constexpr long kScratch = 777;
  static constexpr double kOutside = 3e5;  // shows wherever a cell beyond the matrix is used
  int outputs_;
};

}  // namespace test
