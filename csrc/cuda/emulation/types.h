// SPDX-License-Identifier: Apache-2.0
// CUDA's keywords and small types for a C++ compiler.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))

// Fibers know nothing of ThreadSanitizer, nor it of them.
#if defined(__SANITIZE_THREAD__) && !defined(FASTNTK_EMULATION_THREADS)
#define FASTNTK_EMULATION_THREADS
#elif defined(__has_feature) && !defined(FASTNTK_EMULATION_THREADS)
#if __has_feature(thread_sanitizer)
#define FASTNTK_EMULATION_THREADS
#endif
#endif

// One block runs at a time: per calling thread with fibers, at all with one thread per CUDA thread.
#ifdef FASTNTK_EMULATION_THREADS
#define __shared__ static
#else
#define __shared__ static thread_local
#endif

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

constexpr int warpSize = 32;

#define FASTNTK_VECTOR2(Vector, Element)                                                           \
  struct alignas(2 * sizeof(Element)) Vector {                                                     \
    Element x, y;                                                                                  \
  };                                                                                               \
  constexpr Vector make_##Vector(Element x, Element y) { return {x, y}; }
#define FASTNTK_VECTOR4(Vector, Element)                                                           \
  struct alignas(4 * sizeof(Element)) Vector {                                                     \
    Element x, y, z, w;                                                                            \
  };                                                                                               \
  constexpr Vector make_##Vector(Element x, Element y, Element z, Element w) {                     \
    return {x, y, z, w};                                                                           \
  }
FASTNTK_VECTOR2(int2, int)
FASTNTK_VECTOR4(int4, int)
FASTNTK_VECTOR2(uint2, unsigned)
FASTNTK_VECTOR4(uint4, unsigned)
FASTNTK_VECTOR2(float2, float)
FASTNTK_VECTOR4(float4, float)
FASTNTK_VECTOR2(double2, double)
#undef FASTNTK_VECTOR2
#undef FASTNTK_VECTOR4
