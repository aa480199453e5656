// SPDX-License-Identifier: Apache-2.0
// A tile of an empirical kernel: for every linear map the products of signals and of activations,
// which stay in the second-level cache, multiplied and added up.
#pragma once

#include "cpu/empirical_plan.h"
#include "cpu/isa/limiting_tile.h"
#include "cpu/isa/row_products.h"
#if defined(__AMX_INT8__)
#include "cpu/isa/digit_products.h"
#endif

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
struct EmpiricalScratch {
  alignas(64) T signals[kTileArea];
  alignas(64) T activations[kTileArea];
  alignas(64) T mixed[kTile];   // alpha A + beta of a point, for every point of the columns
  alignas(64) T spread[kTile];  // the same for every column
  std::int32_t column_point[kTile];
#if defined(__AMX_INT8__)
  DigitScratch digits;
#endif
};

// Rows or columns of a tile, and the points that they belong to.
struct TileSide {
  long begin, count;         // of the matrix
  long first_point, points;  // first_point begins a panel of activations

  long point(long index, long outputs) const { return (begin + index) / outputs - first_point; }
};

template <class T>
TileSide tile_side(long block, long length, long outputs, const PackedRows<T>* activations) {
  const long begin = block * kTile, count = smaller(kTile, length - begin);
  const long panel = activations ? activations->panel_rows() : 1;
  const long first = begin / outputs / panel * panel;
  return {begin, count, first, (begin + count - 1) / outputs + 1 - first};
}

template <class T>
void multiply_rows(const PackedRows<T>& left, const PackedRows<T>& right, const ProductArea& area,
                   EmpiricalScratch<T>& scratch, T* to) {
#if defined(__AMX_INT8__)
  if constexpr (sizeof(T) == sizeof(float)) {
    if (left.product() == Product::kSlices)
      return multiply_digits(left, right, area, scratch.digits, to);
  }
#endif
  static_cast<void>(scratch);
  multiply_numbers(left, right, area, to);
}

// alpha A + beta of one point of the rows with every point of the columns.
template <class T>
void mix_activations(const EmpiricalTerm<T>& term, const TileSide& rows, const TileSide& cols,
                     long point, const T* activations, T* to) {
  const Pack<T> beta(static_cast<T>(term.beta));
  if (term.row_activations == nullptr) {
    for (long q = 0; q < cols.points; q += Pack<T>::kLanes)
      beta.store(to + q);
    return;
  }
  const Pack<T> alpha(static_cast<T>(
      term.alpha * static_cast<double>(term.row_activations->factors()[rows.first_point + point])));
  const T* factors = term.col_activations->factors() + cols.first_point;
  for (long q = 0; q < cols.points; q += Pack<T>::kLanes) {
    const Pack<T> product = Pack<T>::load(activations + point * kTile + q);
    mul_add(product * Pack<T>::load(factors + q), alpha, beta).store(to + q);
  }
}

// Adds one term to the tile.
template <class T>
void add_term(const EmpiricalPlan<T>& plan, const EmpiricalTerm<T>& term, const TileSide& rows,
              const TileSide& cols, EmpiricalScratch<T>& s, T* tile) {
  constexpr long kLanes = Pack<T>::kLanes;
  const long outputs = plan.outputs;
  std::memset(s.spread, 0, sizeof s.spread);
  for (long c = 0; c < cols.count; ++c)
    s.column_point[c] = static_cast<std::int32_t>(cols.point(c, outputs));
  const T* spread = outputs == 1 ? s.mixed : s.spread;
  for (long r = 0; r < rows.count; ++r) {
    if (r == 0 || (rows.begin + r) % outputs == 0) {
      mix_activations(term, rows, cols, rows.point(r, outputs), s.activations, s.mixed);
      if (outputs > 1) {
        for (long c = 0; c < cols.count; ++c)
          s.spread[c] = s.mixed[s.column_point[c]];
      }
    }
    T* to = tile + r * kTile;
    if (term.row_signals != nullptr) {
      const Pack<T> row_factor(term.row_signals->factors()[rows.begin + r]);
      const T* factors = term.col_signals->factors() + cols.begin;
      for (long c = 0; c < cols.count; c += kLanes) {
        const Pack<T> signal =
            Pack<T>::load(s.signals + r * kTile + c) * Pack<T>::load(factors + c);
        mul_add(signal * row_factor, Pack<T>::load(spread + c), Pack<T>::load(to + c))
            .store(to + c);
      }
    } else {
      const long output = (rows.begin + r) % outputs;
      for (long c = (output - cols.begin % outputs + outputs) % outputs; c < cols.count;
           c += outputs)
        to[c] += spread[c];
    }
  }
}

template <class T>
void empirical_tile(const EmpiricalPlan<T>& plan, long bi, long bj, T* tile, char* scratch) {
  EmpiricalScratch<T>& s = *reinterpret_cast<EmpiricalScratch<T>*>(scratch);
#if defined(__AMX_INT8__)
  const AmxTiles registers;
#endif
  const bool diagonal = plan.diagonal != nullptr && bi == bj;
  std::memset(tile, 0, kTileArea * sizeof(T));
  for (const EmpiricalTerm<T>& term : plan.terms) {
    const TileSide rows = tile_side(bi, plan.rows, plan.outputs, term.row_activations);
    const TileSide cols = tile_side(bj, plan.cols, plan.outputs, term.col_activations);
    if (term.row_activations != nullptr) {
      multiply_rows(*term.row_activations, *term.col_activations,
                    {rows.first_point, rows.points, cols.first_point, cols.points, diagonal}, s,
                    s.activations);
    }
    if (term.row_signals != nullptr) {
      multiply_rows(*term.row_signals, *term.col_signals,
                    {rows.begin, rows.count, cols.begin, cols.count, diagonal}, s, s.signals);
    }
    add_term(plan, term, rows, cols, s, tile);
  }
  if (diagonal)
    mirror_diagonal_tile(*plan.diagonal, bi * kTile, smaller(kTile, plan.rows - bi * kTile), tile);
}

}  // namespace fastntk::cpu::FASTNTK_ISA
