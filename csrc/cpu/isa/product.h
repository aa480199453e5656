// SPDX-License-Identifier: Apache-2.0
// Inner products of a strip, by register tiles of a left panel and a right panel.
//
//   left  [steps][kLeftRows] words
//   right [steps][kRightVectors * lanes] words
//   sums  [rows][kStripWidth]
//
// Each step loads kRightVectors vectors, broadcasts kLeftRows words and multiplies all pairs: 10
// loads for 16 vector products with 32 registers, 6 for 8 with 16. A word is a float, a double, or
// 4 bytes / 2 shorts that an integer dot product consumes at once. Float sums move to double every
// 16 or 32 products: the cosines of rows then err by 2e-8 to 1.6e-7.
#pragma once

#include "cpu/isa/strip.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu::FASTNTK_ISA {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kLeftRows = 8;
#else
constexpr int kLeftRows = 4;
#endif
constexpr int kRightVectors = 2;
// Products summed in float before the sum moves to double. Short rows take short blocks: their
// deficits have fewer block errors to average.
constexpr long float_block(long steps) { return steps <= 512 ? 16 : 32; }

FASTNTK_HD F32 multiply_accumulate(F32 sum, F32 a, F32 b) { return mul_add(a, b, sum); }
FASTNTK_HD F64 multiply_accumulate(F64 sum, F64 a, F64 b) { return mul_add(a, b, sum); }

#if defined(__AVX512VNNI__)
constexpr int kIntegerGroup = 4;  // unsigned by signed bytes: the right operand is shifted by 128
constexpr int kRightOffset = 128;
FASTNTK_HD I32 multiply_accumulate(I32 sum, I32 a, I32 b) {
  return reinterpret_cast<I32::Native>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum.v),
                                                           reinterpret_cast<__m512i>(a.v),
                                                           reinterpret_cast<__m512i>(b.v)));
}
#elif defined(__ARM_FEATURE_DOTPROD)
constexpr int kIntegerGroup = 4;  // unsigned bytes on both sides
constexpr int kRightOffset = 0;
FASTNTK_HD I32 multiply_accumulate(I32 sum, I32 a, I32 b) {
  return reinterpret_cast<I32::Native>(vdotq_u32(reinterpret_cast<uint32x4_t>(sum.v),
                                                 reinterpret_cast<uint8x16_t>(a.v),
                                                 reinterpret_cast<uint8x16_t>(b.v)));
}
#else
constexpr int kIntegerGroup = 2;
constexpr int kRightOffset = 0;
FASTNTK_HD I32 multiply_accumulate(I32 sum, I32 a, I32 b) {
#if defined(__AVX512BW__)
  const auto pairs =
      _mm512_madd_epi16(reinterpret_cast<__m512i>(a.v), reinterpret_cast<__m512i>(b.v));
#elif defined(__AVX2__)
  const auto pairs =
      _mm256_madd_epi16(reinterpret_cast<__m256i>(a.v), reinterpret_cast<__m256i>(b.v));
#elif defined(__SSE2__)
  const auto pairs = _mm_madd_epi16(reinterpret_cast<__m128i>(a.v), reinterpret_cast<__m128i>(b.v));
#else
  constexpr int kLow = 0xffff;
  const I32::Native pairs = (a.v & kLow) * (b.v & kLow) + (a.v >> 16) * (b.v >> 16);
#endif
  return sum.v + reinterpret_cast<I32::Native>(pairs);
}
#endif

template <class T>
constexpr int kRightRows = kRightVectors * Pack<T>::kLanes;

// One register tile over words [begin, end), on top of what sums holds.
template <class T>
FASTNTK_HD void accumulate(const T* left, const T* right, long begin, long end,
                           Pack<T> (&sums)[kLeftRows][kRightVectors]) {
  using V = Pack<T>;
  for (long k = begin; k < end; ++k) {
    V b[kRightVectors];
    FASTNTK_UNROLL
    for (int j = 0; j < kRightVectors; ++j)
      b[j] = V::load(right + k * kRightRows<T> + j * V::kLanes);
    FASTNTK_UNROLL
    for (int i = 0; i < kLeftRows; ++i) {
      const V a(left[k * kLeftRows + i]);
      FASTNTK_UNROLL
      for (int j = 0; j < kRightVectors; ++j)
        sums[i][j] = multiply_accumulate(sums[i][j], a, b[j]);
    }
  }
}

template <class T, int kRows>
FASTNTK_HD void set_rows(Pack<T> (&sums)[kRows][kRightVectors], const T* start) {
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < kRightVectors; ++j)
      sums[i][j] = Pack<T>(start ? start[i] : T(0));
  }
}

template <class T>
FASTNTK_HD void store_rows(const Pack<T> (&sums)[kLeftRows][kRightVectors], T* to) {
  FASTNTK_UNROLL
  for (int i = 0; i < kLeftRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < kRightVectors; ++j)
      sums[i][j].store(to + i * kStripWidth + j * Pack<T>::kLanes);
  }
}

// Exact sums modulo 2^32 on top of start [kLeftRows].
inline void register_tile(const std::int32_t* left, const std::int32_t* right, long steps,
                          const std::int32_t* start, std::int32_t* to) {
  I32 sums[kLeftRows][kRightVectors];
  set_rows(sums, start);
  accumulate(left, right, 0, steps, sums);
  store_rows(sums, to);
}

inline void register_tile(const double* left, const double* right, long steps, const std::int32_t*,
                          double* to) {
  F64 sums[kLeftRows][kRightVectors];
  set_rows<double>(sums, nullptr);
  accumulate(left, right, 0, steps, sums);
  store_rows(sums, to);
}

inline void register_tile(const float* left, const float* right, long steps, const std::int32_t*,
                          double* to) {
  constexpr int kCells = kLeftRows * kStripWidth;
  alignas(kVectorBytes) float block[kCells];
  for (int c = 0; c < kCells; ++c)
    to[c] = 0;
  const long length = float_block(steps);
  for (long begin = 0; begin < steps; begin += length) {
    F32 sums[kLeftRows][kRightVectors];
    set_rows<float>(sums, nullptr);
    accumulate(left, right, begin, smaller(begin + length, steps), sums);
    store_rows(sums, block);
    for (int c = 0; c < kCells; c += F64::kLanes)
      (F64::load(to + c) + F64::convert(block + c)).store(to + c);
  }
}

// rows: a multiple of kLeftRows. left, right: the first panels of the strip.
template <class Word, class Sum>
FASTNTK_HD void strip_products(const Word* left, const Word* right, long steps,
                               const std::int32_t* start, long rows, Sum* sums) {
  for (int j = 0; j < kStripWidth; j += kRightRows<Word>) {
    for (long i = 0; i < rows; i += kLeftRows) {
      register_tile(left + i * steps, right + j * steps, steps, start ? start + i : nullptr,
                    sums + i * kStripWidth + j);
    }
  }
}

template <class Word, class T>
FASTNTK_HD const Word* panel(const AlignedBuffer<char>& panels, const Operand<T>& operand,
                             long row) {
  return reinterpret_cast<const Word*>(panels.data()) + row * operand.steps;
}

// Products of the strip, into integers (exact 32-bit) or sums.
template <class T>
void register_products(const LimitingPlan<T>& plan, const Strip& strip, StripProducts& products) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  switch (plan.product) {
  case Product::kInteger:
    return strip_products(panel<std::int32_t>(a.left, a, strip.row),
                          panel<std::int32_t>(b.right, b, strip.col), a.steps, &a.start[strip.row],
                          strip.count, products.integers[0]);
  case Product::kFloat:
    return strip_products(panel<float>(a.left, a, strip.row), panel<float>(b.right, b, strip.col),
                          a.steps, nullptr, strip.count, products.sums);
  default:
    return strip_products(panel<double>(a.left, a, strip.row), panel<double>(b.right, b, strip.col),
                          a.steps, nullptr, strip.count, products.sums);
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
