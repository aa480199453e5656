// SPDX-License-Identifier: Apache-2.0
// CUDA's functions that concern one thread alone, and its atomic operations.
#pragma once

#include <cmath>
#include <cstring>

template <class T>
T __ldg(const T* address) {
  return *address;
}

namespace fastntk::cuda::emulation {

template <class To, class From>
To bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

// Replaces *address by change(*address) and returns what was there.
template <class T, class Change>
T change_atomically(T* address, const Change& change) {
  T old, desired;
  __atomic_load(address, &old, __ATOMIC_RELAXED);
  do
    desired = change(old);
  while (!__atomic_compare_exchange(address, &old, &desired, true, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED));
  return old;
}

}  // namespace fastntk::cuda::emulation

inline int __float_as_int(float a) { return fastntk::cuda::emulation::bits<int>(a); }
inline float __int_as_float(int a) { return fastntk::cuda::emulation::bits<float>(a); }
inline unsigned __float_as_uint(float a) { return fastntk::cuda::emulation::bits<unsigned>(a); }
inline float __uint_as_float(unsigned a) { return fastntk::cuda::emulation::bits<float>(a); }
inline long long __double_as_longlong(double a) {
  return fastntk::cuda::emulation::bits<long long>(a);
}
inline double __longlong_as_double(long long a) {
  return fastntk::cuda::emulation::bits<double>(a);
}

// To the nearest, ties to even.
inline long long __double2ll_rn(double a) { return std::llrint(a); }

inline int __ffs(int a) { return __builtin_ffs(a); }
inline int __popc(unsigned a) { return __builtin_popcount(a); }

#define FASTNTK_ATOMIC(name, T, result)                                                            \
  inline T name(T* address, T operand) {                                                           \
    return fastntk::cuda::emulation::change_atomically(                                            \
        address, [operand](T old) { return static_cast<T>(result); });                             \
  }
FASTNTK_ATOMIC(atomicAdd, unsigned, old + operand)
FASTNTK_ATOMIC(atomicAdd, unsigned long long, old + operand)
FASTNTK_ATOMIC(atomicAdd, float, old + operand)
FASTNTK_ATOMIC(atomicAdd, double, old + operand)
FASTNTK_ATOMIC(atomicAdd, int, static_cast<unsigned>(old) + static_cast<unsigned>(operand))
FASTNTK_ATOMIC(atomicOr, int, old | operand)
FASTNTK_ATOMIC(atomicOr, unsigned, old | operand)
FASTNTK_ATOMIC(atomicOr, unsigned long long, old | operand)
FASTNTK_ATOMIC(atomicMax, int, old > operand ? old : operand)
FASTNTK_ATOMIC(atomicMax, unsigned, old > operand ? old : operand)
FASTNTK_ATOMIC(atomicMax, unsigned long long, old > operand ? old : operand)
#undef FASTNTK_ATOMIC
