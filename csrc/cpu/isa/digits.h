// SPDX-License-Identifier: Apache-2.0
// Rows of floats as the digits of fixed-point numbers, for the matrix unit: see cpu/packed_rows.h.
#pragma once

#include "common/fixed_point.h"
#include "common/row_scale.h"
#include "cpu/isa/amx.h"
#include "cpu/isa/transpose.h"
#include "cpu/packed_rows.h"

namespace fastntk::cpu::FASTNTK_ISA {

// Sixteen words of sixteen rows: [row][word] to [word][row].
FASTNTK_HD void transpose_words(const char* from, char* to) {
  F32 rows[kAmxEdge];
  FASTNTK_UNROLL
  for (int i = 0; i < kAmxEdge; ++i)
    rows[i] = F32::load(reinterpret_cast<const float*>(from + i * 64));
  transpose(rows);
  FASTNTK_UNROLL
  for (int i = 0; i < kAmxEdge; ++i)
    rows[i].store(reinterpret_cast<float*>(to + i * 64));
}

// What a row loses (common/fixed_point.h), by lanes.
struct LossSums {
  __m512 error, error_square, third_square, square;

  void clear() { error = error_square = third_square = square = _mm512_setzero_ps(); }
  FixedPointLoss<double> total() const {
    return {_mm512_reduce_add_ps(error), _mm512_reduce_add_ps(error_square),
            _mm512_reduce_add_ps(third_square), _mm512_reduce_add_ps(square)};
  }
  FixedPointLoss<double> lane(int index) const {
    return {error[index], error_square[index], third_square[index], square[index]};
  }
};

// Sixteen numbers, already multiplied by fixed_point_factor; adds up what they lose. The integers
// come with 128 more in the two lower digits, so that each is a byte of its own, and those with
// 128 less.
FASTNTK_HD __m512i digits_of(__m512 exact, LossSums& loss) {
  const __m512i integers = _mm512_cvtps_epi32(exact);
  const __m512i shift = _mm512_set1_epi32(0x8080);
  const __m512i bytes = _mm512_xor_si512(_mm512_add_epi32(integers, shift), shift);
  const __m512i third = _mm512_srai_epi32(_mm512_slli_epi32(bytes, 24), 24);
  const __m512 thirds = _mm512_cvtepi32_ps(third);
  const __m512 errors = _mm512_sub_ps(exact, _mm512_cvtepi32_ps(integers));
  loss.error = _mm512_add_ps(loss.error, errors);
  loss.error_square = _mm512_fmadd_ps(errors, errors, loss.error_square);
  loss.third_square = _mm512_fmadd_ps(thirds, thirds, loss.third_square);
  loss.square = _mm512_fmadd_ps(exact, exact, loss.square);
  return bytes;
}

// 64 numbers of four registers to 64 bytes of each digit. The bytes of word 4 l + q are columns
// 16 q + 4 l and the three that follow.
FASTNTK_HD void split_digits(const __m512i (&numbers)[4], char* to) {
  const __m512i together =
      _mm512_broadcast_i32x4(_mm_setr_epi8(2, 6, 10, 14, 1, 5, 9, 13, 0, 4, 8, 12, 3, 7, 11, 15));
  __m512i words[4];
  FASTNTK_UNROLL
  for (int q = 0; q < 4; ++q)
    words[q] = _mm512_shuffle_epi8(numbers[q], together);
  const __m512i low01 = _mm512_unpacklo_epi32(words[0], words[1]);
  const __m512i low23 = _mm512_unpacklo_epi32(words[2], words[3]);
  const __m512i high01 = _mm512_unpackhi_epi32(words[0], words[1]);
  const __m512i high23 = _mm512_unpackhi_epi32(words[2], words[3]);
  _mm512_storeu_si512(to, _mm512_unpacklo_epi64(low01, low23));
  _mm512_storeu_si512(to + kAmxTileBytes, _mm512_unpackhi_epi64(low01, low23));
  _mm512_storeu_si512(to + 2 * kAmxTileBytes, _mm512_unpacklo_epi64(high01, high23));
}

// The first `count` of sixteen lanes.
FASTNTK_HD __mmask16 first_lanes(long count) {
  return count >= 16 ? 0xffff : count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1);
}

// Rows of what is no number lose it, or nothing.
FASTNTK_HD bool row_serves(const FixedPointLoss<double>& loss, const RowPacking<float>& packing) {
  const bool finite = loss.square <= std::numeric_limits<float>::max();
  return finite && fixed_point_serves(loss, packing.from.columns, packing.largest_error);
}

inline bool pack_digits(const RowPacking<float>& packing, long panel, const double* scales) {
  const long columns = packing.from.columns, first = panel * kDigitPanel;
  const long steps = ceil_div(columns, kDigitStep);
  const long rows = smaller(kDigitPanel, packing.from.rows - first);
  LossSums losses[kDigitPanel];
  float factors[kDigitPanel];
  for (long r = 0; r < rows; ++r) {
    losses[r].clear();
    factors[r] = static_cast<float>(fixed_point_factor(scales[r]));
  }
  alignas(64) char digits[kDigitStepBytes] = {};
  for (long step = 0; step < steps; ++step) {
    char* to = packing.panels + (panel * steps + step) * kDigitStepBytes;
    for (long r = 0; r < rows; ++r) {
      const float* from = packing.from.data + (first + r) * columns + step * kDigitStep;
      __m512i numbers[4];
      FASTNTK_UNROLL
      for (int q = 0; q < 4; ++q) {
        const __mmask16 there = first_lanes(columns - step * kDigitStep - 16 * q);
        const __m512 exact =
            _mm512_mul_ps(_mm512_maskz_loadu_ps(there, from + 16 * q), _mm512_set1_ps(factors[r]));
        numbers[q] = digits_of(exact, losses[r]);
      }
      split_digits(numbers, digits + r * 64);
    }
    for (int digit = 0; digit < kSlices; ++digit) {
      const long at = digit * kAmxTileBytes;
      if (packing.right)
        transpose_words(digits + at, to + at);
      else
        std::memcpy(to + at, digits + at, kAmxTileBytes);
    }
  }
  for (long r = 0; r < rows; ++r) {
    if (!row_serves(losses[r].total(), packing))
      return false;
  }
  return true;
}

}  // namespace fastntk::cpu::FASTNTK_ISA
