// SPDX-License-Identifier: Apache-2.0
// Products of few rows with a matrix that is read once, as it lies in memory: see
// cpu/skinny_product.h. Sums go by blocks, and within a block of A B^T by lanes.
#pragma once

#include "cpu/isa/pack.h"
#include "cpu/skinny_product.h"

namespace fastntk::cpu::FASTNTK_ISA {

// Numbers of a row of B that meet all rows of A before the next ones are read.
template <class T>
constexpr long kPiece = 1024 / static_cast<long>(sizeof(T));
constexpr int kRowsTogether = 4;  // of A B^T, on both sides
constexpr int kDots = kRowsTogether * kRowsTogether;
constexpr int kGroupsOfRows = kSkinnyRows / kRowsTogether;
constexpr int kGroupsTogether = 4;  // of rows of B: a piece of A stays in the first-level cache
constexpr long kTermsOfBlock = 128;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTermsTogether = 8;  // of A B
#else
constexpr int kTermsTogether = 4;
#endif

FASTNTK_HD void fetch(const void* from) { __builtin_prefetch(from, 0, 3); }

// sums[i][j] += a_i b_j by lanes, over whole vectors of `count` numbers, of kRows rows of A.
template <int kRows, class T>
FASTNTK_HD void add_dots(const T* a, const T* b, long stride, long count, const T* next,
                         Pack<T>* sums) {
  using V = Pack<T>;
  V block[kRows][kRowsTogether];
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < kRowsTogether; ++j)
      block[i][j] = V(T(0));
  }
  for (long k = 0; k < count; k += V::kLanes) {
    V right[kRowsTogether];
    FASTNTK_UNROLL
    for (int j = 0; j < kRowsTogether; ++j) {
      right[j] = V::load(b + j * stride + k);
      if (next != nullptr)
        fetch(next + j * stride + k);
    }
    FASTNTK_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V left = V::load(a + i * stride + k);
      FASTNTK_UNROLL
      for (int j = 0; j < kRowsTogether; ++j)
        block[i][j] = mul_add(left, right[j], block[i][j]);
    }
  }
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < kRowsTogether; ++j)
      sums[i * kRowsTogether + j] = sums[i * kRowsTogether + j] + block[i][j];
  }
}

template <class T>
FASTNTK_HD double dot(const T* a, const T* b, long count) {
  double sum = 0;
  for (long k = 0; k < count; ++k)
    sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

// Columns [begin, end) of A B^T, which are rows of B: whole groups of four, kGroupsTogether at most.
template <class T>
void skinny_groups(const SkinnyProduct<T>& p, long begin, long end,
                   Pack<T> (*sums)[kGroupsOfRows][kDots]) {
  using V = Pack<T>;
  const long whole = p.inner / V::kLanes * V::kLanes;
  const long left = ceil_div(p.rows, kRowsTogether), right = (end - begin) / kRowsTogether;
  for (long h = 0; h < right; ++h) {
    for (long g = 0; g < left; ++g) {
      for (V& sum : sums[h][g])
        sum = V(T(0));
    }
  }
  for (long k = 0; k < whole; k += kPiece<T>) {
    const long count = smaller(kPiece<T>, whole - k);
    for (long h = 0; h < right; ++h) {
      const T* b = p.B + (begin + h * kRowsTogether) * p.inner + k;
      // The first rows of A read a piece from memory, and ask for the one that follows.
      const bool last = h + 1 == right;
      const T* following =
          last ? p.B + begin * p.inner + k + kPiece<T> : b + kRowsTogether * p.inner;
      const bool there = !last || k + 2 * kPiece<T> <= whole;
      for (long g = 0; g < left; ++g) {
        const T* a = p.A + g * kRowsTogether * p.inner + k;
        const T* next = g == 0 && there ? following : nullptr;
        switch (smaller(p.rows - g * kRowsTogether, kRowsTogether)) {
        case 1:
          add_dots<1>(a, b, p.inner, count, next, sums[h][g]);
          break;
        case 2:
          add_dots<2>(a, b, p.inner, count, next, sums[h][g]);
          break;
        case 3:
          add_dots<3>(a, b, p.inner, count, next, sums[h][g]);
          break;
        default:
          add_dots<kRowsTogether>(a, b, p.inner, count, next, sums[h][g]);
        }
      }
    }
  }
  for (long j = begin; j < end; ++j) {
    for (long i = 0; i < p.rows; ++i) {
      const V& lanes = sums[(j - begin) / kRowsTogether][i / kRowsTogether]
                           [i % kRowsTogether * kRowsTogether + (j - begin) % kRowsTogether];
      double sum = dot(p.A + i * p.inner + whole, p.B + j * p.inner + whole, p.inner - whole);
      for (int lane = 0; lane < V::kLanes; ++lane)
        sum += static_cast<double>(lanes.v[lane]);
      p.to[i * p.cols + j] = static_cast<T>(sum);
    }
  }
}

// Columns [begin, end) of A B^T.
template <class T>
void skinny_rows(const SkinnyProduct<T>& p, long begin, long end) {
  Pack<T> sums[kGroupsTogether][kGroupsOfRows][kDots];
  const long grouped = begin + (end - begin) / kRowsTogether * kRowsTogether;
  constexpr long kTogether = kRowsTogether * kGroupsTogether;
  for (long j = begin; j < grouped; j += kTogether)
    skinny_groups(p, j, smaller(j + kTogether, grouped), sums);
  for (long j = grouped; j < end; ++j) {
    for (long i = 0; i < p.rows; ++i)
      p.to[i * p.cols + j] = static_cast<T>(dot(p.A + i * p.inner, p.B + j * p.inner, p.inner));
  }
}

// Rows of the block that A B is summed in, not a multiple of 4096 bytes apart: a load waits for an
// earlier store whose address ends alike.
template <class T>
constexpr long kBlockStride = kPiece<T> + 64 / static_cast<long>(sizeof(T));

// to [rows][kBlockStride] += kTerms columns of A times as many rows of B, from column col + c on:
// kVectors vectors.
template <int kTerms, int kVectors, class T>
FASTNTK_HD void add_outer(const SkinnyProduct<T>& p, long k, long col, long c, bool more, T* to) {
  using V = Pack<T>;
  const T* b = p.B + k * p.cols + col + c;
  V right[kTerms][kVectors];
  FASTNTK_UNROLL
  for (int t = 0; t < kTerms; ++t) {
    FASTNTK_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      right[t][v] = V::load(b + t * p.cols + v * V::kLanes);
      if (more)
        fetch(b + (kTerms + t) * p.cols + v * V::kLanes);
    }
  }
  for (long i = 0; i < p.rows; ++i) {
    const T* a = p.A + i * p.inner + k;
    T* at = to + i * kBlockStride<T> + c;
    V sums[kVectors];
    FASTNTK_UNROLL
    for (int v = 0; v < kVectors; ++v)
      sums[v] = V::load(at + v * V::kLanes);
    FASTNTK_UNROLL
    for (int t = 0; t < kTerms; ++t) {
      const V left(a[t]);
      FASTNTK_UNROLL
      for (int v = 0; v < kVectors; ++v)
        sums[v] = mul_add(left, right[t][v], sums[v]);
    }
    FASTNTK_UNROLL
    for (int v = 0; v < kVectors; ++v)
      sums[v].store(at + v * V::kLanes);
  }
}

template <int kTerms, class T>
FASTNTK_HD void add_terms(const SkinnyProduct<T>& p, long k, long col, long count, T* to) {
  constexpr long kLanes = Pack<T>::kLanes;
  const bool more = k + 2 * kTerms <= p.inner;
  long c = 0;
  for (; c + 2 * kLanes <= count; c += 2 * kLanes)
    add_outer<kTerms, 2>(p, k, col, c, more, to);
  if (c < count)
    add_outer<kTerms, 1>(p, k, col, c, more, to);
}

// Columns [begin, end) of A B, at most kPiece of them; their number is a multiple of the lanes except
// at the end of B.
template <class T>
void skinny_columns(const SkinnyProduct<T>& p, long begin, long end) {
  using V = Pack<T>;
  const long whole = (end - begin) / V::kLanes * V::kLanes;
  alignas(64) T block[kSkinnyRows * kBlockStride<T>];
  for (long i = 0; i < p.rows; ++i)
    std::memset(p.to + i * p.cols + begin, 0, (end - begin) * sizeof(T));
  for (long first = 0; first < p.inner; first += kTermsOfBlock) {
    const long last = smaller(first + kTermsOfBlock, p.inner);
    std::memset(block, 0, p.rows * kBlockStride<T> * sizeof(T));
    long k = first;
    for (; k + kTermsTogether <= last; k += kTermsTogether)
      add_terms<kTermsTogether>(p, k, begin, whole, block);
    for (; k < last; ++k)
      add_terms<1>(p, k, begin, whole, block);
    for (long i = 0; i < p.rows; ++i) {
      T* to = p.to + i * p.cols + begin;
      for (long c = 0; c < whole; c += V::kLanes)
        (V::load(to + c) + V::load(block + i * kBlockStride<T> + c)).store(to + c);
    }
  }
  for (long i = 0; i < p.rows; ++i) {
    for (long c = begin + whole; c < end; ++c) {
      double sum = 0;
      for (long k = 0; k < p.inner; ++k)
        sum += static_cast<double>(p.A[i * p.inner + k]) * static_cast<double>(p.B[k * p.cols + c]);
      p.to[i * p.cols + c] = static_cast<T>(sum);
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
