// SPDX-License-Identifier: Apache-2.0
// The matrix instructions of cuda/warp.cuh, by the fragment layouts of the PTX manual. In all of
// them lane l holds row l / 4 (and 8 below it) of A and of the result, and column l / 4 of B; l % 4
// says which part of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda/emulation/exchange.h"

namespace fastntk::cuda::emulation {

struct Fragments {
  unsigned a[4], b[2];
};

inline Fragments fragments(const unsigned (&a)[4], const unsigned (&b)[2]) {
  return {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
}

// C[16, 8] += A[16, 32] B[32, 8], bytes into integers that wrap. A's register 2 h + r holds columns
// 16 h + 4 (l % 4) + {0..3} of row l / 4 + 8 r, B's register h the same rows of column l / 4.
template <bool kSigned>
void mma_bytes(int (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Site& site) {
  using Byte = std::conditional_t<kSigned, std::int8_t, std::uint8_t>;
  const unsigned row = current->lane / 4, column = current->lane % 4 * 2;
  exchange(kAllLanes, fragments(a, b), site, [&](const auto& all) {
    Byte x[2][32], y[2][32];  // two rows of A, two columns of B
    for (unsigned h = 0; h < 2; ++h)
      for (unsigned part = 0; part < 4; ++part)
        for (unsigned r = 0; r < 2; ++r) {
          std::memcpy(&x[r][16 * h + 4 * part], &all(row * 4 + part).a[2 * h + r], 4);
          std::memcpy(&y[r][16 * h + 4 * part], &all((column + r) * 4 + part).b[h], 4);
        }
    for (unsigned r = 0; r < 2; ++r)
      for (unsigned j = 0; j < 2; ++j) {
        int sum = 0;
        for (int k = 0; k < 32; ++k)
          sum += x[r][k] * y[j][k];
        int& result = c[2 * r + j];
        result = static_cast<int>(static_cast<unsigned>(result) + static_cast<unsigned>(sum));
      }
  });
}

// A tensor core reads the upper 19 bits.
inline float as_tf32(unsigned bits) {
  bits &= ~0x1fffu;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Rounded toward zero.
inline float truncated(double value) {
  const float nearest = static_cast<float>(value);
  return std::abs(static_cast<double>(nearest)) > std::abs(value) ? std::nextafter(nearest, 0.0f)
                                                                  : nearest;
}

// C[16, 8] += A[16, 8] B[8, 8]. A's register 2 h + r holds column 4 h + l % 4 of row l / 4 + 8 r,
// B's register h the same row of column l / 4. Products of two tf32 numbers are exact in float; the
// sum is rounded once, toward zero, as measured on hardware [Fasi et al. 2021], which loses some more
// digits of the smaller terms.
inline void mma_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                     const Site& site) {
  const unsigned row = current->lane / 4, column = current->lane % 4 * 2;
  exchange(kAllLanes, fragments(a, b), site, [&](const auto& all) {
    for (unsigned r = 0; r < 2; ++r)
      for (unsigned j = 0; j < 2; ++j) {
        double sum = c[2 * r + j];
        for (unsigned h = 0; h < 2; ++h)
          for (unsigned part = 0; part < 4; ++part)
            sum += static_cast<double>(as_tf32(all(row * 4 + part).a[2 * h + r])) *
                   as_tf32(all((column + j) * 4 + part).b[h]);
        c[2 * r + j] = truncated(sum);
      }
  });
}

// C[8 i.., 8 j..] += A[8 i.., 4] B[4, 8 j..] of kRows x kCols instructions, each product fused with
// its sum, in the order of the columns of A. One exchange serves them all.
template <int kRows, int kCols>
void mma_f64(double (&c)[kRows][kCols][2], const double (&a)[kRows], const double (&b)[kCols],
             const Site& site) {
  struct Operands {
    double a[kRows], b[kCols];
  } mine;
  std::copy_n(a, kRows, mine.a);
  std::copy_n(b, kCols, mine.b);
  const unsigned row = current->lane / 4, column = current->lane % 4 * 2;
  exchange(kAllLanes, mine, site, [&](const auto& all) {
    for (unsigned part = 0; part < 4; ++part) {
      const Operands& left = all(row * 4 + part);
      for (unsigned e = 0; e < 2; ++e) {
        const Operands& right = all((column + e) * 4 + part);
        for (int i = 0; i < kRows; ++i)
          for (int j = 0; j < kCols; ++j)
            c[i][j][e] = std::fma(left.a[i], right.b[j], c[i][j][e]);
      }
    }
  });
}

inline void check_alignment(const void* address, const Site& site) {
  if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0)
    misuse(*current, " gives ", site, " the address ", address, ", no multiple of 16");
}

// Four matrices of 8 rows of 16 bytes: lane l gives the address of row l % 8 of matrix l / 8, and
// gets of each matrix m, in r[m], bytes 4 (l % 4) + {0..3} of row l / 4.
inline void load_matrices(unsigned (&r)[4], const void* row, const Site& site) {
  check_alignment(row, site);
  exchange(kAllLanes, row, site, [&](const auto& all) {
    const unsigned lane = current->lane;
    for (unsigned m = 0; m < 4; ++m)
      std::memcpy(&r[m], static_cast<const unsigned char*>(all(8 * m + lane / 4)) + lane % 4 * 4,
                  4);
  });
}

inline void copy_async(void* shared, const void* global, const Site& site) {
  check_alignment(shared, site);
  check_alignment(global, site);
  current->copies.add(shared, global);
}

}  // namespace fastntk::cuda::emulation
