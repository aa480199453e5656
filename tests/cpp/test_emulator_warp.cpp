// SPDX-License-Identifier: Apache-2.0
// The instructions of cuda/warp.cuh: matrix products with operands laid out as the PTX manual has
// it, element by element, against plain products; loads of operands; asynchronous copies.
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "cuda/warp.cuh"

namespace {

using namespace fastntk::cuda;

std::mt19937 generator(7);

int draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator); }

// C[rows, columns] += A[rows, depth] B[depth, columns], row-major; integers wrap.
template <class Sum, class T>
void plain_product(Sum* c, const T* a, const T* b, int rows, int columns, int depth) {
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j)
      for (int k = 0; k < depth; ++k)
        c[i * columns + j] += static_cast<Sum>(a[i * depth + k]) * b[k * columns + j];
}

// The manual's names: `group` is lane / 4, `member` lane % 4.
template <bool kSigned>
__global__ void bytes_kernel(unsigned* c, const std::uint8_t* a, const std::uint8_t* b) {
  const int group = threadIdx.x / 4, member = threadIdx.x % 4;
  std::uint8_t a_bytes[16], b_bytes[8];
  for (int i = 0; i < 16; ++i) {
    const int row = i < 4 || (i >= 8 && i < 12) ? group : group + 8;
    const int column = member * 4 + (i & 3) + (i < 8 ? 0 : 16);
    a_bytes[i] = a[row * 32 + column];
  }
  for (int i = 0; i < 8; ++i)
    b_bytes[i] = b[(member * 4 + (i & 3) + (i < 4 ? 0 : 16)) * 8 + group];
  unsigned a_words[4], b_words[2];
  std::memcpy(a_words, a_bytes, sizeof(a_words));
  std::memcpy(b_words, b_bytes, sizeof(b_words));
  int sums[4];
  const auto at = [&](int i) { return (group + (i < 2 ? 0 : 8)) * 8 + member * 2 + (i & 1); };
  for (int i = 0; i < 4; ++i)
    sums[i] = static_cast<int>(c[at(i)]);
  mma_bytes<kSigned>(sums, a_words, b_words);
  for (int i = 0; i < 4; ++i)
    c[at(i)] = static_cast<unsigned>(sums[i]);
}

template <bool kSigned>
void byte_products() {
  using Byte = std::conditional_t<kSigned, std::int8_t, std::uint8_t>;
  std::vector<Byte> a(16 * 32), b(32 * 8);
  for (Byte& x : a)
    x = static_cast<Byte>(draw(0, 255));
  for (Byte& x : b)
    x = static_cast<Byte>(draw(0, 255));
  std::vector<unsigned> c(16 * 8), expected;
  for (unsigned& x : c)
    x = 0x7fffffff - static_cast<unsigned>(draw(0, 100000));  // some sums leave int's range
  expected = c;
  launch(bytes_kernel<kSigned>, {1, 32}, c.data(), reinterpret_cast<std::uint8_t*>(a.data()),
         reinterpret_cast<std::uint8_t*>(b.data()));
  // Bytes become unsigned by their value modulo 2^32, which is all a wrapping sum needs.
  plain_product(expected.data(), a.data(), b.data(), 16, 8, 32);
  CHECK(c == expected);
}

__global__ void tf32_kernel(float* c, const unsigned* a, const unsigned* b) {
  const int group = threadIdx.x / 4, member = threadIdx.x % 4;
  unsigned a_words[4], b_words[2];
  for (int i = 0; i < 4; ++i)
    a_words[i] =
        a[(i == 0 || i == 2 ? group : group + 8) * 8 + (i == 0 || i == 1 ? member : member + 4)];
  for (int i = 0; i < 2; ++i)
    b_words[i] = b[(i == 0 ? member : member + 4) * 8 + group];
  float sums[4];
  const auto at = [&](int i) { return (group + (i < 2 ? 0 : 8)) * 8 + member * 2 + (i & 1); };
  for (int i = 0; i < 4; ++i)
    sums[i] = c[at(i)];
  mma_tf32(sums, a_words, b_words);
  for (int i = 0; i < 4; ++i)
    c[at(i)] = sums[i];
}

// Integers below 2^10 are exact in tf32, and their sums in float, in any order. What lies in the
// bits that tf32 has not is noise.
void tf32_products() {
  std::vector<float> a(16 * 8), b(8 * 8), c(16 * 8), expected;
  std::vector<unsigned> noisy_a, noisy_b;
  const auto fill = [](std::vector<float>& values, std::vector<unsigned>& noisy) {
    for (float& x : values) {
      x = static_cast<float>(draw(-1000, 1000));
      noisy.push_back(__float_as_uint(x) | static_cast<unsigned>(draw(0, 0x1fff)));
    }
  };
  fill(a, noisy_a);
  fill(b, noisy_b);
  for (float& x : c)
    x = static_cast<float>(draw(-1000, 1000));
  expected = c;
  launch(tf32_kernel, {1, 32}, c.data(), noisy_a.data(), noisy_b.data());
  plain_product(expected.data(), a.data(), b.data(), 16, 8, 8);
  CHECK(c == expected);
}

// 2 x 3 instructions: [16, 4] times [4, 24].
constexpr int kDown = 2, kAcross = 3;

__global__ void f64_kernel(double* c, const double* a, const double* b) {
  const int group = threadIdx.x / 4, member = threadIdx.x % 4;
  double sums[kDown][kAcross][2], left[kDown], right[kAcross];
  const auto place = [&](int i, int j) { return ((8 * i + group) * kAcross + j) * 8 + member * 2; };
  for (int i = 0; i < kDown; ++i)
    left[i] = a[(8 * i + group) * 4 + member];
  for (int j = 0; j < kAcross; ++j)
    right[j] = b[(member * kAcross + j) * 8 + group];
  for (int i = 0; i < kDown; ++i)
    for (int j = 0; j < kAcross; ++j)
      for (int e = 0; e < 2; ++e)
        sums[i][j][e] = c[place(i, j) + e];
  mma_f64(sums, left, right);
  for (int i = 0; i < kDown; ++i)
    for (int j = 0; j < kAcross; ++j)
      for (int e = 0; e < 2; ++e)
        c[place(i, j) + e] = sums[i][j][e];
}

void f64_products() {
  constexpr int kRows = 8 * kDown, kCols = 8 * kAcross;
  std::vector<double> a(kRows * 4), b(4 * kCols), c(kRows * kCols), expected;
  for (auto* values : {&a, &b, &c})
    for (double& x : *values)
      x = draw(-1000000, 1000000);
  expected = c;
  launch(f64_kernel, {1, 32}, c.data(), a.data(), b.data());
  plain_product(expected.data(), a.data(), b.data(), kRows, kCols, 4);
  CHECK(c == expected);
}

constexpr int kStride = 48;  // bytes from row to row of the stored matrices

__global__ void load_kernel(const std::uint8_t* rows, unsigned* out) {
  auto* shared = dynamic_shared<std::uint8_t>();
  for (int i = 0; i < kStride; ++i)
    shared[threadIdx.x * kStride + i] = rows[threadIdx.x * kStride + i];
  __syncthreads();
  unsigned words[4];
  load_matrices(words, shared + threadIdx.x * kStride + 16);
  for (int m = 0; m < 4; ++m)
    out[threadIdx.x * 4 + m] = words[m];
}

void loads() {
  std::vector<std::uint8_t> rows(32 * kStride);
  for (auto& x : rows)
    x = static_cast<std::uint8_t>(draw(0, 255));
  std::vector<unsigned> out(32 * 4);
  launch(load_kernel, {1, 32, rows.size()}, rows.data(), out.data());
  for (int lane = 0; lane < 32; ++lane)
    for (int m = 0; m < 4; ++m) {
      unsigned expected;
      std::memcpy(&expected, &rows[(m * 8 + lane / 4) * kStride + 16 + lane % 4 * 4], 4);
      CHECK_EQUAL(out[lane * 4 + m], expected);
    }
}

// seen[3]: the neighbour's first word before and after the copies, with the older of two groups
// awaited, and with both.
__global__ void copies_kernel(const int4* source, int* seen) {
  int4* shared = dynamic_shared<int4>();  // [2, threads]
  const unsigned i = threadIdx.x, n = blockDim.x, neighbour = (i + 1) % n;
  shared[i] = shared[n + i] = {-5, -5, -5, -5};
  __syncthreads();
  for (int group = 0; group < 2; ++group) {
    copy_async(&shared[group * n + i], &source[group * n + i]);
    copy_async_commit();
  }
  seen += i * 6;
  const auto look = [&](int* at) {
    __syncthreads();
    at[0] = shared[neighbour].x;
    at[1] = shared[n + neighbour].w;
    __syncthreads();
  };
  look(seen);
  copy_async_wait<1>();
  look(seen + 2);
  copy_async_wait<0>();
  look(seen + 4);
}

void copies() {
  constexpr int kThreads = 40;
  std::vector<int4> source(2 * kThreads);
  for (int i = 0; i < 2 * kThreads; ++i)
    source[i] = {i, 1000 + i, 2000 + i, 3000 + i};
  std::vector<int> seen(6 * kThreads);
  launch(copies_kernel, {1, kThreads, 2 * kThreads * sizeof(int4)}, source.data(), seen.data());
  for (int i = 0; i < kThreads; ++i) {
    const int* got = &seen[i * 6];
    const int first = (i + 1) % kThreads, second = 3000 + kThreads + first;
    CHECK(got[0] == -1 && got[1] == -1);  // neither what was there nor what is to come
    CHECK(got[2] == first && got[3] == -1);
    CHECK(got[4] == first && got[5] == second);
  }
}

}  // namespace

int main() {
  for (int round = 0; round < 3; ++round) {
    byte_products<false>();
    byte_products<true>();
    tf32_products();
    f64_products();
  }
  loads();
  copies();
  return test::summary();
}
