// SPDX-License-Identifier: Apache-2.0
// Packs a panel of rows, see cpu/packed_rows.h.
#pragma once

#include "common/product_choice.h"
#include "cpu/isa/product.h"
#include "cpu/isa/row_statistics.h"
#include "cpu/isa/transpose.h"
#include "cpu/packed_rows.h"
#if defined(__AMX_INT8__)
#include "cpu/isa/digits.h"
#endif

namespace fastntk::cpu::FASTNTK_ISA {

// As many numbers of a row as a register has lanes, zeros behind its end.
template <class T>
FASTNTK_HD Pack<T> load_some(const T* from, long count) {
  if (count >= Pack<T>::kLanes)
    return Pack<T>::load(from);
  alignas(kVectorBytes) T padded[Pack<T>::kLanes] = {};
  std::memcpy(padded, from, count * sizeof(T));
  return Pack<T>::load(padded);
}

// Short rows take little time anyhow, and their roundings do not average out.
template <class T>
Product row_product(long columns) {
  if (sizeof(T) == sizeof(double))
    return Product::kDouble;
#if defined(__AMX_INT8__)
  if (columns >= kLeastSliceColumns)
    return Product::kSlices;
#endif
  static_cast<void>(columns);
  return Product::kFloat;
}

template <class T>
void pack_numbers(const RowPacking<T>& packing, long panel, const double* scales) {
  constexpr long kLanes = Pack<T>::kLanes, kRows = kRightRows<T>;
  const long columns = packing.from.columns, first = panel * kRows;
  T* to = reinterpret_cast<T*>(packing.panels) + first * columns;
  for (long k = 0; k < columns; k += kLanes) {
    for (long r = 0; r < kRows; r += kLanes) {
      Pack<T> block[kLanes];
      FASTNTK_UNROLL
      for (int i = 0; i < kLanes; ++i) {
        const long row = first + r + i;
        block[i] = Pack<T>(T(0));
        if (row < packing.from.rows) {
          block[i] = load_some(packing.from.data + row * columns + k, columns - k) *
                     Pack<T>(static_cast<T>(1 / scales[r + i]));
        }
      }
      transpose(block);
      FASTNTK_UNROLL
      for (int i = 0; i < kLanes; ++i) {
        if (k + i < columns)
          block[i].store(to + (k + i) * kRows + r);
      }
    }
  }
}

template <class T>
bool pack_rows(const RowPacking<T>& packing, long panel) {
  constexpr long kMostRows = kRightRows<T> > kDigitPanel ? kRightRows<T> : kDigitPanel;
  const bool digits = packing.product == Product::kSlices;
  const long rows = digits ? kDigitPanel : kRightRows<T>, first = panel * rows;
  double scales[kMostRows];
  for (long r = 0; r < rows; ++r) {
    scales[r] = 1;
    packing.factors[first + r] = 0;
    if (first + r >= packing.from.rows)
      continue;
    const T* row = packing.from.data + (first + r) * packing.from.columns;
    const double scale = scale_of<T>(largest_of(row, packing.from.columns), packing.product);
    scales[r] = scale;
    packing.factors[first + r] = static_cast<T>(digits ? scale * kDigitFactor : scale);
    packing.norms[first + r] = scaled_norm(row, packing.from.columns, scale) * scale * scale;
  }
#if defined(__AMX_INT8__)
  if constexpr (sizeof(T) == sizeof(float)) {
    if (digits)
      return pack_digits(packing, panel, scales);
  }
#endif
  pack_numbers(packing, panel, scales);
  return true;
}

}  // namespace fastntk::cpu::FASTNTK_ISA
