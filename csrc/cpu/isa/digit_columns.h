// SPDX-License-Identifier: Apache-2.0
// Columns of an array as the rows of a right operand in fixed point: see cpu/packed_rows.h. Words of
// four neighbouring columns of a row are words of four rows of the array, which need no turning.
#pragma once

#include "cpu/isa/digits.h"
#include "cpu/isa/row_statistics.h"

namespace fastntk::cpu::FASTNTK_ISA {

// As many rows as are packed at once, so that neighbouring numbers are read together.
constexpr long kColumnsAtOnce = 256;
constexpr int kColumnPanels = kColumnsAtOnce / kAmxEdge;

// Bytes of four numbers of each lane to words of a digit each; `to` is one row of words.
FASTNTK_HD void interleave_digits(const __m512i (&numbers)[4], char* to) {
  const __m512i even = _mm512_set1_epi32(0x00ff00ff), low = _mm512_set1_epi32(0xffff);
  __m512i odd_bytes[2], even_bytes[2];
  FASTNTK_UNROLL
  for (int h = 0; h < 2; ++h) {
    const __m512i first = numbers[2 * h], second = numbers[2 * h + 1];
    even_bytes[h] = _mm512_or_si512(_mm512_and_si512(first, even),
                                    _mm512_slli_epi32(_mm512_and_si512(second, even), 8));
    odd_bytes[h] = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32(first, 8), even),
                                   _mm512_andnot_si512(even, second));
  }
  const __m512i digits[kSlices] = {
      _mm512_or_si512(_mm512_srli_epi32(even_bytes[0], 16),
                      _mm512_andnot_si512(low, even_bytes[1])),
      _mm512_or_si512(_mm512_and_si512(odd_bytes[0], low), _mm512_slli_epi32(odd_bytes[1], 16)),
      _mm512_or_si512(_mm512_and_si512(even_bytes[0], low), _mm512_slli_epi32(even_bytes[1], 16))};
  FASTNTK_UNROLL
  for (int digit = 0; digit < kSlices; ++digit)
    _mm512_storeu_si512(to + digit * kAmxTileBytes, digits[digit]);
}

// Columns [first, first + 256) of the array, or those that there are.
inline bool pack_some_columns(const RowPacking<float>& packing, long first) {
  const RowView<float>& from = packing.from;
  const long count = smaller(kColumnsAtOnce, from.rows - first);
  const int panels = static_cast<int>(ceil_div(count, kAmxEdge));
  const long steps = ceil_div(from.columns, kDigitStep);
  const __m512i no_sign = _mm512_set1_epi32(0x7fffffff);
  alignas(64) float lanes[kColumnsAtOnce];
  __m512i largest[kColumnPanels] = {};
  for (long k = 0; k < from.columns; ++k) {
    const float* row = from.data + k * from.column_stride + first;
    for (int p = 0; p < panels; ++p) {
      const __m512i bits =
          _mm512_maskz_loadu_epi32(first_lanes(count - p * kAmxEdge), row + p * kAmxEdge);
      // Magnitudes are ordered as their bits are.
      largest[p] = _mm512_max_epi32(largest[p], _mm512_and_si512(bits, no_sign));
    }
  }
  std::memcpy(lanes, largest, sizeof lanes);
  for (long c = 0; c < round_up(count, kAmxEdge); ++c) {
    const double scale = scale_of<float>(lanes[c], Product::kSlices);
    packing.factors[first + c] = c < count ? static_cast<float>(scale * kDigitFactor) : 0;
    lanes[c] = static_cast<float>(fixed_point_factor(scale));
  }
  LossSums losses[kColumnPanels];
  for (int p = 0; p < panels; ++p)
    losses[p].clear();
  for (long step = 0; step < steps; ++step) {
    for (int p = 0; p < panels; ++p) {
      const __mmask16 there = first_lanes(count - p * kAmxEdge);
      const __m512 factor = _mm512_load_ps(lanes + p * kAmxEdge);
      char* to = packing.panels + ((first / kAmxEdge + p) * steps + step) * kDigitStepBytes;
      for (int word = 0; word < kAmxEdge; ++word) {
        __m512i numbers[4];
        FASTNTK_UNROLL
        for (int i = 0; i < 4; ++i) {
          // The order of split_digits.
          const long k = step * kDigitStep + word % 4 * 16 + word / 4 * 4 + i;
          const __m512 exact =
              k < from.columns
                  ? _mm512_mul_ps(_mm512_maskz_loadu_ps(there, from.data + k * from.column_stride +
                                                                   first + p * kAmxEdge),
                                  factor)
                  : _mm512_setzero_ps();
          numbers[i] = digits_of(exact, losses[p]);
        }
        interleave_digits(numbers, to + word * 64);
      }
    }
  }
  for (long c = 0; c < count; ++c) {
    if (!row_serves(losses[c / kAmxEdge].lane(static_cast<int>(c % kAmxEdge)), packing))
      return false;
  }
  return true;
}

inline bool pack_columns(const RowPacking<float>& packing) {
  for (long first = 0; first < packing.from.rows; first += kColumnsAtOnce) {
    if (!pack_some_columns(packing, first))
      return false;
  }
  return true;
}

}  // namespace fastntk::cpu::FASTNTK_ISA
