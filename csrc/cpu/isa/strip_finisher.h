// SPDX-License-Identifier: Apache-2.0
// The work on a strip once it is multiplied, in pieces that fit between the steps of a matrix unit.
#pragma once

#include "cpu/isa/gradient_layers.h"
#include "cpu/isa/store_kernel.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
struct TileScratch {
  StripProducts products[2];  // of the strip that is multiplied, and of the one before
  alignas(64) double wide[kStripCells];
  alignas(64) T deficits[kStripCells];
};

// Works off the strip that has been multiplied, rows by rows or all that is left.
template <class T>
class StripFinisher {
public:
  StripFinisher(const LimitingPlan<T>& plan, T* tiles, TileScratch<T>& scratch)
      : plan_(plan), tiles_(tiles), scratch_(scratch) {}

  void start(const Strip& strip, StripProducts& products) {
    strip_ = strip;
    products_ = &products;
    next_ = 0;
    credit_ = 0;
    margin_ = 1;
    if (plan_.product == Product::kInteger)
      doubtful_ = doubtful_deficit(plan_, strip);
  }

  // One of `of` calls that together work off the whole strip.
  void advance(long of) {
    credit_ += strip_.count;
    if (credit_ < of * kPieceRows)
      return;
    credit_ -= of * kPieceRows;
    rows(smaller(next_ + kPieceRows, strip_.count));
  }

  void finish() {
    rows(strip_.count);
    if (margin_ >= 0)
      return;
    repair_deficits(plan_, strip_, *products_, scratch_.wide, scratch_.deficits);
    store_from(scratch_.deficits, strip_, 0);
    margin_ = 1;
  }

private:
  // Few, so that they fit between two steps of a matrix unit; many, so that their columns' scalars
  // are worth loading. Measured: 4 and 8 are best, by a tenth.
  static constexpr long kPieceRows = sizeof(T) == sizeof(float) ? 8 : 4;

  void rows(long end) {
    if (next_ >= end)
      return;
    const Strip piece = strip_.rows(next_, end);
    if (plan_.layers.empty())
      linear_rows(piece);
    else
      kernel_rows(piece);
    next_ = end;
  }

  void linear_rows(const Strip& piece) {
    for (std::size_t o = 0; o < plan_.shares.size(); ++o)
      store_linear(plan_, o, piece, next_, *products_, tiles_ + o * kTileArea);
  }

  void kernel_rows(const Strip& piece) {
    T* x = scratch_.deficits + next_ * kStripWidth;
    const std::int32_t* dots = products_->integers[0] + next_ * kStripWidth;
    std::size_t stored = 0;
    double margin = 0;
    if (plan_.product != Product::kInteger)
      margin = wide_deficits(plan_, piece, next_, *products_, scratch_.wide, scratch_.deficits);
    else if (doubtful_ < 1 && !plan_.differentiated())
      margin = store_from_integers(plan_, stored++, piece, dots, x, tiles_) - doubtful_;
    else
      careful_deficits(plan_, piece, deficits32(plan_, piece, dots), x);
    margin_ = fastntk::minimum(margin_, margin);
    store_from(x, piece, stored);
  }

  // The kernels from number `first` on, or the one with its derivatives.
  void store_from(const T* x, const Strip& strip, std::size_t first) {
    if constexpr (std::is_same_v<T, double>) {
      if (plan_.differentiated())
        return store_gradient(plan_, strip, x, tiles_);
    }
    for (std::size_t o = first; o < plan_.shares.size(); ++o)
      store_from_deficits(plan_, o, strip, x, tiles_ + o * kTileArea);
  }

  const LimitingPlan<T>& plan_;
  T* tiles_;
  TileScratch<T>& scratch_;
  Strip strip_{};  // none yet
  StripProducts* products_ = nullptr;
  long next_ = 0;
  long credit_ = 0;
  double margin_ = 1;    // negative if a deficit needs care
  double doubtful_ = 0;  // integer products: deficits below it do
};

}  // namespace fastntk::cpu::FASTNTK_ISA
