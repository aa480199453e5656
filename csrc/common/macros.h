// SPDX-License-Identifier: Apache-2.0
// The one place that knows which compiler reads the shared headers.
#pragma once

#ifdef __CUDACC__
#define FASTNTK_HD __host__ __device__ __forceinline__
#else
// Always inlined: a formula compiled for one instruction set must never be the copy that another
// one calls.
#define FASTNTK_HD inline __attribute__((always_inline))
#endif

#define FASTNTK_PRAGMA(text) _Pragma(#text)
#if defined(__clang__) || defined(__CUDACC__)
#define FASTNTK_UNROLL FASTNTK_PRAGMA(unroll)
#define FASTNTK_ROLLED FASTNTK_PRAGMA(unroll 1)
#else
#define FASTNTK_UNROLL FASTNTK_PRAGMA(GCC unroll 32)
#define FASTNTK_ROLLED FASTNTK_PRAGMA(GCC unroll 1)
#endif
// Behind the parameters of a lambda.
#define FASTNTK_INLINED __attribute__((always_inline))
