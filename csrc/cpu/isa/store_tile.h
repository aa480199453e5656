// SPDX-License-Identifier: Apache-2.0
// A tile written into the whole matrix, as it is or transposed. Streaming stores fill whole cache
// lines without reading them first: twice as fast where the matrix is larger than the caches.
#pragma once

#include <cstdint>

#include "cpu/isa/transpose.h"
#include "cpu/tile.h"

namespace fastntk::cpu::FASTNTK_ISA {

// `to` is aligned to a vector.
template <class T>
FASTNTK_HD void stream(Pack<T> a, T* to) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == sizeof(float))
    _mm512_stream_ps(to, a.v);
  else
    _mm512_stream_pd(to, a.v);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == sizeof(float))
    _mm256_stream_ps(to, a.v);
  else
    _mm256_stream_pd(to, a.v);
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == sizeof(float))
    _mm_stream_ps(to, a.v);
  else
    _mm_stream_pd(to, a.v);
#else
  a.store(to);
#endif
}

// Streamed stores are seen by other threads in order again.
inline void end_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// Whole cache lines are streamed, what lies before and behind is stored.
template <class T>
void store_row(const T* from, T* to, long count, bool streaming) {
  constexpr long kLine = 64 / sizeof(T);
  const long misplaced =
      static_cast<long>(reinterpret_cast<std::uintptr_t>(to) / sizeof(T)) % kLine;
  const long head = misplaced == 0 ? 0 : smaller(kLine - misplaced, count);
  if (!streaming || head + kLine > count) {
    std::memcpy(to, from, count * sizeof(T));
    return;
  }
  std::memcpy(to, from, head * sizeof(T));
  long k = head;
  for (; k + kLine <= count; k += kLine) {
    FASTNTK_UNROLL
    for (int lane = 0; lane < kLine; lane += Pack<T>::kLanes)
      stream(Pack<T>::load(from + k + lane), to + k + lane);
  }
  std::memcpy(to + k, from + k, (count - k) * sizeof(T));
}

template <class T>
void store_tile(const T* tile, long rows, long cols, T* to, long stride, bool streaming) {
  for (long i = 0; i < rows; ++i)
    store_row(tile + i * kTile, to + i * stride, cols, streaming);
  if (streaming)
    end_streaming();
}

template <class T>
void store_transposed(const T* tile, long rows, long cols, T* to, long stride, bool streaming) {
  constexpr long kLanes = Pack<T>::kLanes;
  alignas(64) T columns[kLanes * kTile];  // of the tile, as rows
  for (long j = 0; j < cols; j += kLanes) {
    for (long i = 0; i < rows; i += kLanes)
      copy_transposed(tile + i * kTile + j, columns + i);
    for (long k = 0; k < smaller(kLanes, cols - j); ++k)
      store_row(columns + k * kTile, to + (j + k) * stride, rows, streaming);
  }
  if (streaming)
    end_streaming();
}

}  // namespace fastntk::cpu::FASTNTK_ISA
