// SPDX-License-Identifier: Apache-2.0
// A tile of a limiting Gram matrix, strip by strip: products, then deficits -> layers -> scaled
// kernel values.
//
// One right panel (columns) meets the left panels (rows) of the tile one after the other. A matrix
// unit multiplies a strip while the one before is worked off, a few rows at a time. On a diagonal
// tile the strips below the diagonal are skipped, the rest is mirrored and the diagonal is set from
// its closed form, so that the tile is symmetric to the bit.
#pragma once

#include "cpu/isa/deficits.h"
#include "cpu/isa/layers.h"
#include "cpu/isa/product.h"
#include "cpu/isa/table.h"
#if defined(__AMX_INT8__)
#include "cpu/isa/amx.h"
#endif

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
struct TileScratch {
  StripProducts products[2];  // of the strip that is multiplied, and of the one before
  alignas(64) double wide[kStripCells];
  alignas(64) T deficits[kStripCells];
};

template <class T>
using Deficits32 = IntegerDeficits<Pack<T>, std::int32_t, std::int32_t>;
using DeficitsWide = IntegerDeficits<F64, double, double>;

template <class T>
Deficits32<T> deficits32(const LimitingPlan<T>& plan, const Strip& strip,
                         const std::int32_t* dots) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  return {plan, strip, dots, a.norms_modular, b.norms_modular, a.radius, b.radius};
}

// Deficits below it need care: see doubtful_deficit.
template <class T>
double doubtful_deficit(const LimitingPlan<T>& plan, const Strip& strip) {
  const auto range = [](const AlignedBuffer<T>& values, long begin, long count) {
    Pack<T> least = Pack<T>::load(&values[begin]), most = least;
    for (long i = 0; i < count; i += Pack<T>::kLanes) {
      least = minimum(least, Pack<T>::load(&values[begin + i]));
      most = maximum(most, Pack<T>::load(&values[begin + i]));
    }
    return std::pair<double, double>(smallest_lane(least), -smallest_lane(negated(most)));
  };
  const auto [a_least, a_most] = range(plan.rows->radius.half_inverse, strip.row, strip.count);
  const auto [b_least, b_most] = range(plan.cols->radius.half_inverse, strip.col, kStripWidth);
  const double ratio = fastntk::maximum(a_most / b_least, b_most / a_least);
  return fastntk::doubtful_deficit(ratio, plan.admitted_loss);
}

// Deficits of `strip`, rows [begin, begin + strip.count) of the arrays, by way of double; returns
// how far the nearest pair is from needing repair, negative if one does.
template <class T>
double wide_deficits(const LimitingPlan<T>& plan, const Strip& strip, long begin,
                     StripProducts& products, double* wide, T* x) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  const long first = begin * kStripWidth, cells = strip.count * kStripWidth;
  double margin = 0;
  if (plan.product == Product::kWideInteger) {
    const DeficitsWide deficits(plan, strip, products.sums + first, a.norms_wide, b.norms_wide,
                                a.radius_wide, b.radius_wide);
    careful_deficits(plan, strip, deficits, wide + first);
  } else {
    if (plan.product == Product::kSlices)
      add_slices(products, first, cells);
    margin =
        product_deficits(plan, strip, products.sums + first, wide + first) - plan.close_deficit;
  }
  narrow(wide + first, x + first, cells);
  return margin;
}

// Deficits of a whole strip in which some need care.
template <class T>
void repair_deficits(const LimitingPlan<T>& plan, const Strip& strip, const StripProducts& products,
                     double* wide, T* x) {
  if (plan.product == Product::kInteger)
    return careful_deficits(plan, strip, deficits32(plan, strip, products.integers[0]), x);
  if (plan.rows->samples.type == SampleType::kFloat32)
    repair_close_pairs<float>(plan, strip, wide);
  else
    repair_close_pairs<double>(plan, strip, wide);
  narrow(wide, x, strip.count * kStripWidth);
}

// Theta = t sqrt(q q') of the strip's rows, into its place in the tile: deficit(i, j) gives x,
// evaluate(unit) leaves t.
template <class T, class Deficit, class Evaluate>
FASTNTK_HD void store_units(const LimitingPlan<T>& plan, const Strip& strip, T* tile,
                            Deficit deficit, Evaluate evaluate) {
  using V = Pack<T>;
  const T* row_scale = &plan.rows->table.scale[strip.row];
  const T* col_scale = &plan.cols->table.scale[strip.col];
  T* corner = tile + strip.row % kTile * kTile + strip.col % kTile;
  for (long i = 0; i < strip.count; i += kUnitRows) {
    for (int j = 0; j < kStripWidth; j += kUnitColumns<T>) {
      Unit<T> unit;
      unit.row = strip.row + i;
      unit.col = strip.col + j;
      for_unit([&](int u, int r, int c) { unit.x[u] = deficit(i + r, j + c * V::kLanes); });
      evaluate(unit);
      for_unit([&](int u, int r, int c) {
        const V scale = V(row_scale[i + r]) * V::load(col_scale + j + c * V::kLanes);
        (unit.t[u] * scale).store(corner + (i + r) * kTile + j + c * V::kLanes);
      });
    }
  }
}

template <class T, class Deficit>
FASTNTK_HD void store_kernel(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip,
                             T* tile, Deficit deficit) {
  if (plan.tables.empty()) {
    const std::vector<Shares<T>>& shares = plan.shares[output];
    if (plan.all_trained[output]) {
      return store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
        run_layers(plan, [](std::size_t) { return AllTrained{}; }, unit);
      });
    }
    return store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
      run_layers(plan, [&](std::size_t l) { return broadcast(shares[l]); }, unit);
    });
  }
  const DepthTable<T>& table = plan.tables[output];
  if (table.obtuse) {
    store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
      for_unit([&](int u, int, int) { unit.t[u] = table_value<true>(table, unit.x[u]); });
    });
  } else {
    store_units(plan, strip, tile, deficit, [&](Unit<T>& unit) {
      for_unit([&](int u, int, int) { unit.t[u] = table_value<false>(table, unit.x[u]); });
    });
  }
}

// The kernel of a strip whose deficits are known.
template <class T>
void store_from_deficits(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip,
                         const T* x, T* tile) {
  store_kernel(plan, output, strip, tile,
               [=](long i, int j) { return Pack<T>::load(x + i * kStripWidth + j); });
}

// The same from products of integers; keeps the deficits, and returns the least.
template <class T>
T store_from_integers(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip,
                      const std::int32_t* dots, T* x, T* tile) {
  Deficits32<T> deficits = deficits32(plan, strip, dots);
  store_kernel(plan, output, strip, tile, [&](long i, int j) {
    const Pack<T> deficit = deficits.at(i, j);
    deficit.store(x + i * kStripWidth + j);
    return deficit;
  });
  return smallest_lane(deficits.least);
}

// Without hidden layers the kernel is affine in the inner product, and comes from it:
//   weights s x . x' + biases bias_std^2.
template <class T>
void store_linear(const LimitingPlan<T>& plan, std::size_t output, const Strip& strip, long begin,
                  const StripProducts& products, T* tile) {
  const Shares<T>& shares = plan.shares[output][0];
  const double weights = shares.weights * plan.input.s;
  const double bias = shares.biases * plan.input.bias_std * plan.input.bias_std;
  for (long i = 0; i < strip.count; ++i) {
    const double left = weights * (plan.input.data_scale * plan.rows->row_scale[strip.row + i]);
    T* to = tile + ((strip.row + i) % kTile) * kTile + strip.col % kTile;
    for (int j = 0; j < kStripWidth; ++j) {
      const long cell = (begin + i) * kStripWidth + j;
      const double dot = plan.product == Product::kInteger
                             ? static_cast<double>(products.integers[0][cell])
                             : products.sums[cell];
      const double right = plan.input.data_scale * plan.cols->row_scale[strip.col + j];
      to[j] = static_cast<T>(left * right * dot + bias);
    }
  }
}

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
    for (std::size_t o = 0; o < plan_.shares.size(); ++o)
      store_from_deficits(plan_, o, strip_, scratch_.deficits, tiles_ + o * kTileArea);
    margin_ = 1;
  }

private:
  // Few, so that they fit between two steps of a matrix unit; many, so that their columns' scalars
  // are worth loading.
  static constexpr long kPieceRows = 2;

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
    if (plan_.product == Product::kSlices)
      add_slices(*products_, next_ * kStripWidth, piece.count * kStripWidth);
    for (std::size_t o = 0; o < plan_.shares.size(); ++o)
      store_linear(plan_, o, piece, next_, *products_, tiles_ + o * kTileArea);
  }

  void kernel_rows(const Strip& piece) {
    T* x = scratch_.deficits + next_ * kStripWidth;
    const std::int32_t* dots = products_->integers[0] + next_ * kStripWidth;
    std::size_t output = 0;
    double margin = 0;
    if (plan_.product != Product::kInteger)
      margin = wide_deficits(plan_, piece, next_, *products_, scratch_.wide, scratch_.deficits);
    else if (doubtful_ < 1)
      margin = store_from_integers(plan_, output++, piece, dots, x, tiles_) - doubtful_;
    else
      careful_deficits(plan_, piece, deficits32(plan_, piece, dots), x);
    margin_ = fastntk::minimum(margin_, margin);
    for (; output < plan_.shares.size(); ++output)
      store_from_deficits(plan_, output, piece, x, tiles_ + output * kTileArea);
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

#if defined(__AMX_INT8__)
constexpr bool uses_matrix_unit(Product product) {
  return product == Product::kInteger || product == Product::kSlices;
}
constexpr StripHeight strip_height(Product product) {
  return uses_matrix_unit(product) ? StripHeight{kAmxBlock, kAmxBlock}
                                   : StripHeight{kStripRows, kLeftRows};
}
#else
constexpr StripHeight strip_height(Product) { return {kStripRows, kLeftRows}; }
#endif

// Products of a strip; what is left of the strip before may be worked off meanwhile.
template <class T>
void multiply_strip(const LimitingPlan<T>& plan, const Strip& strip, StripProducts& products,
                    StripFinisher<T>& before) {
#if defined(__AMX_INT8__)
  if (uses_matrix_unit(plan.product)) {
    return amx_products(plan, strip, products, [&](long of) { before.advance(of); });
  }
#endif
  before.finish();
  register_products(plan, strip, products);
}

template <class T>
void mirror_diagonal_tile(const AlignedBuffer<T>& diagonal, long row, long count, T* tile) {
  for (long i = 0; i < count; ++i) {
    for (long j = 0; j < i; ++j)
      tile[i * kTile + j] = tile[j * kTile + i];
    tile[i * kTile + i] = diagonal[row + i];
  }
}

template <class T>
void limiting_tile(const LimitingPlan<T>& plan, long bi, long bj, T* tiles, char* scratch) {
  TileScratch<T>& s = *reinterpret_cast<TileScratch<T>*>(scratch);
#if defined(__AMX_INT8__)
  const AmxTiles registers;
#endif
  const bool diagonal = plan.symmetric() && bi == bj;
  const StripHeight height = strip_height(plan.product);
  const long row_end = smaller((bi + 1) * kTile, round_up(plan.rows->samples.rows, height.unit));
  const long col_end = smaller((bj + 1) * kTile, plan.cols->samples.rows);
  StripFinisher<T> finisher(plan, tiles, s);
  int current = 0;
  for (long col = bj * kTile; col < col_end; col += kStripWidth) {
    for (long row = bi * kTile; row < row_end; row += height.most) {
      if (diagonal && row >= col + kStripWidth)
        break;
      const Strip strip{row, col, smaller(height.most, row_end - row)};
      multiply_strip(plan, strip, s.products[current], finisher);
      finisher.finish();
      finisher.start(strip, s.products[current]);
      current ^= 1;
    }
  }
  finisher.finish();
  if (!diagonal)
    return;
  for (std::size_t o = 0; o < plan.shares.size(); ++o) {
    mirror_diagonal_tile(plan.rows->table.diagonals[o], bi * kTile, col_end - bi * kTile,
                         tiles + o * kTileArea);
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
