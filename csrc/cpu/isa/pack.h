// SPDX-License-Identifier: Apache-2.0
// A register's worth of numbers. Included only by the translation units of csrc/cpu/isa, each
// compiled for one instruction set: the widest register of that set decides the number of lanes,
// and everything lives in a namespace of its own so that no linker can hand one set's code to
// another. Vector extensions of GCC and Clang do the arithmetic.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "common/scalar_math.h"

#ifndef FASTNTK_ISA
#error "pack.h belongs to the translation units of csrc/cpu/isa"
#endif

namespace fastntk::cpu::FASTNTK_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

// One definition per type: GCC forgets the attribute of a typedef whose element type is a template
// parameter.
template <class T>
struct NativeOf;
#define FASTNTK_NATIVE(T)                                                                          \
  template <>                                                                                      \
  struct NativeOf<T> {                                                                             \
    typedef T type __attribute__((vector_size(kVectorBytes)));                                     \
  };
FASTNTK_NATIVE(float)
FASTNTK_NATIVE(double)
FASTNTK_NATIVE(std::int32_t)
FASTNTK_NATIVE(std::uint32_t)
FASTNTK_NATIVE(std::uint64_t)
#undef FASTNTK_NATIVE

template <class T>
struct Pack {
  using Scalar = T;
  using Native = typename NativeOf<T>::type;
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

  Native v;

  Pack() = default;
  FASTNTK_HD Pack(Native native) : v(native) {}
  // Minus zero costs nothing, where plus zero would be an addition: -0 + 0 is 0.
  FASTNTK_HD explicit Pack(T value) : v(value - Native{}) {}

  FASTNTK_HD static Pack load(const T* from) {
    Native native;
    std::memcpy(&native, from, sizeof native);
    return native;
  }
  FASTNTK_HD void store(T* to) const { std::memcpy(to, &v, sizeof v); }

  // Lanes converted from as many numbers of another type.
  template <class S>
  FASTNTK_HD static Pack convert(const S* from) {
    typedef S Source __attribute__((vector_size(kLanes * sizeof(S))));
    Source source;
    std::memcpy(&source, from, sizeof source);
    return __builtin_convertvector(source, Native);
  }
};

using F32 = Pack<float>;
using F64 = Pack<double>;
using I32 = Pack<std::int32_t>;

#define FASTNTK_PACK_OPERATOR(op)                                                                  \
  template <class T>                                                                               \
  FASTNTK_HD Pack<T> operator op(Pack<T> a, Pack<T> b) {                                           \
    return a.v op b.v;                                                                             \
  }
FASTNTK_PACK_OPERATOR(+)
FASTNTK_PACK_OPERATOR(-)
FASTNTK_PACK_OPERATOR(*)
FASTNTK_PACK_OPERATOR(/)
#undef FASTNTK_PACK_OPERATOR

// Fused where the set can, and nowhere else: compilers are told not to contract products and sums
// by themselves, so that every copy of a formula rounds alike.
#if defined(__AVX512F__)
FASTNTK_HD F32 mul_add(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
FASTNTK_HD F64 mul_add(F64 a, F64 b, F64 c) { return _mm512_fmadd_pd(a.v, b.v, c.v); }
FASTNTK_HD F32 neg_mul_add(F32 a, F32 b, F32 c) { return _mm512_fnmadd_ps(a.v, b.v, c.v); }
FASTNTK_HD F64 neg_mul_add(F64 a, F64 b, F64 c) { return _mm512_fnmadd_pd(a.v, b.v, c.v); }
#elif defined(__FMA__)
FASTNTK_HD F32 mul_add(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }
FASTNTK_HD F64 mul_add(F64 a, F64 b, F64 c) { return _mm256_fmadd_pd(a.v, b.v, c.v); }
FASTNTK_HD F32 neg_mul_add(F32 a, F32 b, F32 c) { return _mm256_fnmadd_ps(a.v, b.v, c.v); }
FASTNTK_HD F64 neg_mul_add(F64 a, F64 b, F64 c) { return _mm256_fnmadd_pd(a.v, b.v, c.v); }
#elif defined(__aarch64__)
FASTNTK_HD F32 mul_add(F32 a, F32 b, F32 c) { return vfmaq_f32(c.v, a.v, b.v); }
FASTNTK_HD F64 mul_add(F64 a, F64 b, F64 c) { return vfmaq_f64(c.v, a.v, b.v); }
FASTNTK_HD F32 neg_mul_add(F32 a, F32 b, F32 c) { return vfmsq_f32(c.v, a.v, b.v); }
FASTNTK_HD F64 neg_mul_add(F64 a, F64 b, F64 c) { return vfmsq_f64(c.v, a.v, b.v); }
#else
template <class T>
FASTNTK_HD Pack<T> mul_add(Pack<T> a, Pack<T> b, Pack<T> c) {
  return a.v * b.v + c.v;
}
template <class T>
FASTNTK_HD Pack<T> neg_mul_add(Pack<T> a, Pack<T> b, Pack<T> c) {
  return c.v - a.v * b.v;
}
#endif

// The bits of every lane, as unsigned integers with the operators of those.
template <class T>
using BitsOf = typename NativeOf<
    std::conditional_t<sizeof(T) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>>::type;

template <class T>
FASTNTK_HD BitsOf<T> bits_of(Pack<T> a) {
  BitsOf<T> bits;
  std::memcpy(&bits, &a.v, sizeof bits);
  return bits;
}
template <class T>
FASTNTK_HD Pack<T> from_bits(BitsOf<T> bits) {
  typename Pack<T>::Native native;
  std::memcpy(&native, &bits, sizeof native);
  return native;
}

template <class T>
FASTNTK_HD auto less(Pack<T> a, Pack<T> b) {
  return a.v < b.v;
}
template <class M, class T>
FASTNTK_HD Pack<T> select(M mask, Pack<T> a, Pack<T> b) {
  return mask ? a.v : b.v;
}

#if defined(__AVX512F__)
FASTNTK_HD F32 minimum(F32 a, F32 b) { return _mm512_min_ps(a.v, b.v); }
FASTNTK_HD F64 minimum(F64 a, F64 b) { return _mm512_min_pd(a.v, b.v); }
FASTNTK_HD F32 maximum(F32 a, F32 b) { return _mm512_max_ps(a.v, b.v); }
FASTNTK_HD F64 maximum(F64 a, F64 b) { return _mm512_max_pd(a.v, b.v); }
#else
template <class T>
FASTNTK_HD Pack<T> minimum(Pack<T> a, Pack<T> b) {
  return a.v < b.v ? a.v : b.v;
}
template <class T>
FASTNTK_HD Pack<T> maximum(Pack<T> a, Pack<T> b) {
  return a.v > b.v ? a.v : b.v;
}
#endif

#if defined(__AVX512F__)
// A 14-bit reciprocal root and Newton steps on the residual a - s^2: five or nine operations that
// run beside the multiplies, where the divider needs 18 or 32 cycles. The residual makes the last
// bit as good as a rounded root's to within one unit.
FASTNTK_HD F32 square_root(F32 a) {
  const F32 tiny(std::numeric_limits<float>::min()), half(0.5f);
  const F32 r = _mm512_rsqrt14_ps(maximum(a, tiny).v);
  const F32 s = a * r;
  return mul_add(neg_mul_add(s, s, a), half * r, s);
}
FASTNTK_HD F64 square_root(F64 a) {
  const F64 tiny(std::numeric_limits<double>::min()), half(0.5);
  const F64 r = _mm512_rsqrt14_pd(maximum(a, tiny).v);
  F64 s = a * r;
  F64 h = half * r;
  const F64 e = neg_mul_add(h, s, half);
  s = mul_add(s, e, s);
  h = mul_add(h, e, h);
  return mul_add(neg_mul_add(s, s, a), h, s);
}
#elif defined(__AVX2__)
FASTNTK_HD F32 square_root(F32 a) { return _mm256_sqrt_ps(a.v); }
FASTNTK_HD F64 square_root(F64 a) { return _mm256_sqrt_pd(a.v); }
#elif defined(__SSE2__)
FASTNTK_HD F32 square_root(F32 a) { return _mm_sqrt_ps(a.v); }
FASTNTK_HD F64 square_root(F64 a) { return _mm_sqrt_pd(a.v); }
#elif defined(__aarch64__)
FASTNTK_HD F32 square_root(F32 a) { return vsqrtq_f32(a.v); }
FASTNTK_HD F64 square_root(F64 a) { return vsqrtq_f64(a.v); }
#else
template <class T>
FASTNTK_HD Pack<T> square_root(Pack<T> a) {
  Pack<T> root;
  for (int i = 0; i < Pack<T>::kLanes; ++i)
    root.v[i] = __builtin_sqrt(a.v[i]);
  return root;
}
#endif

#if defined(__AVX512F__)
// Of 14-bit reciprocals as well, where the divider needs 16 cycles.
FASTNTK_HD F32 quotient(F32 a, F32 b) {
  const F32 r = _mm512_rcp14_ps(b.v);
  const F32 q = a * r;
  return mul_add(neg_mul_add(q, b, a), r, q);
}
FASTNTK_HD F64 quotient(F64 a, F64 b) {
  const F64 first = _mm512_rcp14_pd(b.v);
  const F64 r = mul_add(neg_mul_add(b, first, F64(1.0)), first, first);
  const F64 q = a * r;
  return mul_add(neg_mul_add(q, b, a), r, q);
}
// The root is 0 of a = 0, its inverse finite.
FASTNTK_HD Roots<F32> both_roots(F32 a) {
  const F32 tiny(std::numeric_limits<float>::min()), half(0.5f);
  const F32 r = _mm512_rsqrt14_ps(maximum(a, tiny).v);
  const F32 s = a * r;
  const F32 e = neg_mul_add(half * r, s, half);
  return {mul_add(s, e, s), mul_add(r, e, r)};
}
FASTNTK_HD Roots<F64> both_roots(F64 a) {
  const F64 tiny(std::numeric_limits<double>::min()), half(0.5);
  const F64 first = _mm512_rsqrt14_pd(maximum(a, tiny).v);
  const F64 first_e = neg_mul_add(half * first, a * first, half);
  const F64 r = mul_add(first, first_e, first);
  const F64 s = a * r;
  const F64 e = neg_mul_add(half * r, s, half);
  return {mul_add(s, e, s), mul_add(r, e, r)};
}
#endif

// No product of packs is fused with a sum unless mul_add says so.
template <class T>
FASTNTK_HD Pack<T> rounded(Pack<T> a) {
  return a;
}

template <class T>
FASTNTK_HD T smallest_lane(Pack<T> a) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == sizeof(float))
    return _mm512_reduce_min_ps(a.v);
  else
    return _mm512_reduce_min_pd(a.v);
#else
  T least = a.v[0];
  for (int i = 1; i < Pack<T>::kLanes; ++i)
    least = a.v[i] < least ? a.v[i] : least;
  return least;
#endif
}

}  // namespace fastntk::cpu::FASTNTK_ISA
