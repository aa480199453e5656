// SPDX-License-Identifier: Apache-2.0
// The kernels of packing.h: a warp has a row, its lanes neighbouring words.
#pragma once

#include <cstdint>

#include "common/row_scale.h"
#include "cuda/packing.h"
#include "cuda/problem.h"
#include "cuda/reduce.cuh"

namespace fastntk::cuda {

constexpr int kPackThreads = 256;
constexpr long kPackRows = kPackThreads / kWarp;  // of a block
constexpr int kWordBytes = 4;

template <class Value>
struct PackedRow {
  const Value* values;
  const int* columns;
  long count;

  __device__ PackedRow(const Packing& packing, long i)
      : values(static_cast<const Value*>(packing.samples.data) + i * packing.samples.columns),
        columns(packing.columns), count(packing.count) {}

  // Zero behind the last column.
  __device__ Value operator[](long k) const {
    if (k >= count)
      return 0;
    return values[columns == nullptr ? k : columns[k]];
  }
};

inline __device__ long packed_row_of_warp() { return blockIdx.x * kPackRows + threadIdx.x / kWarp; }

static __global__ void __launch_bounds__(kPackThreads) pack_bytes_kernel(Packing packing) {
  const long i = packed_row_of_warp();
  if (i >= packing.samples.rows)
    return;
  const PackedRow<std::uint8_t> row(packing, i);
  auto* words = reinterpret_cast<unsigned*>(packing.panel + i * packing.row_bytes);
  for (long w = threadIdx.x % kWarp; w < packing.row_bytes / kWordBytes; w += kWarp) {
    unsigned word = 0;
    for (int byte = 0; byte < kWordBytes; ++byte)
      word |= static_cast<unsigned>(row[w * kWordBytes + byte]) << (8 * byte);
    words[w] = word;
  }
}

// Numbers x / row_scale; the division by a power of two rounds once.
template <class Value, class Number>
__global__ void __launch_bounds__(kPackThreads) pack_numbers_kernel(Packing packing) {
  const long i = packed_row_of_warp();
  if (i >= packing.samples.rows)
    return;
  const PackedRow<Value> row(packing, i);
  const double factor = 1 / packing.row_scale[i];
  auto* numbers = reinterpret_cast<Number*>(packing.panel + i * packing.row_bytes);
  const long length = packing.row_bytes / static_cast<long>(sizeof(Number));
  for (long k = threadIdx.x % kWarp; k < length; k += kWarp)
    numbers[k] = static_cast<Number>(row[k] * factor);
}

// Four neighbouring columns give a word of each digit:
//   rint(2^22 x / row_scale) = d0 2^16 + d1 2^8 + d2,  each in [-128, 127].
static __global__ void __launch_bounds__(kPackThreads) pack_slices_kernel(Packing packing) {
  const long i = packed_row_of_warp();
  if (i >= packing.samples.rows)
    return;
  const PackedRow<float> row(packing, i);
  const int lane = threadIdx.x % kWarp;
  const double scale = fixed_point_scale(packing.largest[i]);
  const double factor = fixed_point_factor(scale);
  if (lane == 0) {
    packing.p[i] *= scale / packing.row_scale[i];
    packing.row_scale[i] = scale;
  }
  constexpr long kRunWords = kRunBytes / kWordBytes;
  auto* words = reinterpret_cast<unsigned*>(packing.panel + i * packing.row_bytes);
  for (long w = lane; w < packing.row_bytes / (kSlices * kWordBytes); w += kWarp) {
    unsigned digits[kSlices] = {};
    for (int byte = 0; byte < kWordBytes; ++byte) {
      const int integer = static_cast<int>(rint(row[w * kWordBytes + byte] * factor));
      // 128 more in the two lower digits: each is then a byte of its own.
      const unsigned shifted = static_cast<unsigned>(integer) + 0x8080u;
      digits[0] |= (shifted >> 16 & 0xffu) << (8 * byte);
      digits[1] |= ((shifted >> 8 & 0xffu) ^ 0x80u) << (8 * byte);
      digits[2] |= ((shifted & 0xffu) ^ 0x80u) << (8 * byte);
    }
    unsigned* run = words + w / kRunWords * (kSlices * kRunWords) + w % kRunWords;
    for (int d = 0; d < kSlices; ++d)
      run[d * kRunWords] = digits[d];
  }
}

}  // namespace fastntk::cuda
