// SPDX-License-Identifier: Apache-2.0
// Instructions for a warp that CUDA C++ has no plain names for: matrix products, loads of their
// operands, asynchronous copies. PTX on the device (compute capability 8.0 or later), lane by lane
// in the emulator, whose emulation/matrix.h documents the layouts of the operands. All 32 lanes
// call the matrix functions together.
#pragma once

#include "cuda/device.h"

namespace fastntk::cuda {

#ifdef __CUDACC__

// The address that PTX instructions for shared memory want.
__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

// C[16, 8] += A[16, 32] B[32, 8] for bytes, signed or not; the sums wrap.
template <bool kSigned>
__device__ __forceinline__ void mma_bytes(int (&c)[4], const unsigned (&a)[4],
                                          const unsigned (&b)[2]) {
  if constexpr (kSigned)
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  else
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// C[16, 8] += A[16, 8] B[8, 8] for floats, of whose bits the lower 13 are ignored.
__device__ __forceinline__ void mma_tf32(float (&c)[4], const unsigned (&a)[4],
                                         const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// C = A B, as above.
__device__ __forceinline__ void mma_tf32_first(float (&c)[4], const unsigned (&a)[4],
                                               const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %10, %10, %10};"
               : "=f"(c[0]), "=f"(c[1]), "=f"(c[2]), "=f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(0.0f));
}

// C[8 i.., 8 j..] += A[8 i.., 4] B[4, 8 j..]: kRows x kCols instructions.
template <int kRows, int kCols>
__device__ __forceinline__ void mma_f64(double (&c)[kRows][kCols][2], const double (&a)[kRows],
                                        const double (&b)[kCols]) {
  FASTNTK_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FASTNTK_UNROLL
    for (int j = 0; j < kCols; ++j)
      asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
                   : "+d"(c[i][j][0]), "+d"(c[i][j][1])
                   : "d"(a[i]), "d"(b[j]));
  }
}

// Four 8 x 16-byte matrices from shared memory. row: of row lane % 8 of matrix lane / 8.
__device__ __forceinline__ void load_matrices(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// Begins to copy 16 bytes, past the first-level cache. Both addresses are multiples of 16.
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)),
               "l"(__cvta_generic_to_global(global))
               : "memory");
}

// The same, or 16 zeros if there is nothing to copy; `global` is then not read.
__device__ __forceinline__ void copy_async_or_zero(void* shared, const void* global, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(__cvta_generic_to_global(global)), "r"(there ? 16 : 0)
               : "memory");
}

// Makes a group of the thread's copies since the last one.
__device__ __forceinline__ void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits for the thread's own groups but the last kPending; a barrier shows them to other threads.
template <int kPending>
__device__ __forceinline__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

#else

template <bool kSigned>
void mma_bytes(int (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
               emulation::Site site = emulation::Site::at("mma_bytes")) {
  emulation::mma_bytes<kSigned>(c, a, b, site);
}

inline void mma_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                     emulation::Site site = emulation::Site::at("mma_tf32")) {
  emulation::mma_tf32(c, a, b, site);
}

inline void mma_tf32_first(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                           emulation::Site site = emulation::Site::at("mma_tf32_first")) {
  std::fill_n(c, 4, 0.0f);
  emulation::mma_tf32(c, a, b, site);
}

template <int kRows, int kCols>
void mma_f64(double (&c)[kRows][kCols][2], const double (&a)[kRows], const double (&b)[kCols],
             emulation::Site site = emulation::Site::at("mma_f64")) {
  emulation::mma_f64(c, a, b, site);
}

inline void load_matrices(unsigned (&r)[4], const void* row,
                          emulation::Site site = emulation::Site::at("load_matrices")) {
  emulation::load_matrices(r, row, site);
}

inline void copy_async(void* shared, const void* global,
                       emulation::Site site = emulation::Site::at("copy_async")) {
  emulation::copy_async(shared, global, site);
}

inline void copy_async_or_zero(void* shared, const void* global, bool there,
                               emulation::Site site = emulation::Site::at("copy_async_or_zero")) {
  emulation::copy_async(shared, there ? global : nullptr, site);
}

inline void copy_async_commit() { emulation::current->copies.commit(); }

template <int kPending>
void copy_async_wait() {
  emulation::current->copies.wait(kPending);
}

#endif

}  // namespace fastntk::cuda
