// SPDX-License-Identifier: Apache-2.0
// Several packs that go through a formula together, side by side: long chains of dependent steps, as
// sums over a table's terms are, then hide each other's latency. The vocabulary is that of packs.
#pragma once

#include "cpu/isa/pack.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class M, int N>
struct MaskGroup {
  M of[N];
};

template <class T, int N>
struct PackGroup {
  using Scalar = T;
  Pack<T> of[N];

  PackGroup() = default;
  FASTNTK_HD explicit PackGroup(T value) {
    FASTNTK_UNROLL
    for (int u = 0; u < N; ++u)
      of[u] = Pack<T>(value);
  }
  // Pack u is f(u).
  template <class F>
  FASTNTK_HD static PackGroup each(F f) {
    PackGroup group;
    FASTNTK_UNROLL
    for (int u = 0; u < N; ++u)
      group.of[u] = f(u);
    return group;
  }

  FASTNTK_HD friend PackGroup operator+(PackGroup a, PackGroup b) {
    return each([&](int u) { return a.of[u] + b.of[u]; });
  }
  FASTNTK_HD friend PackGroup operator-(PackGroup a, PackGroup b) {
    return each([&](int u) { return a.of[u] - b.of[u]; });
  }
  FASTNTK_HD friend PackGroup operator*(PackGroup a, PackGroup b) {
    return each([&](int u) { return a.of[u] * b.of[u]; });
  }
  FASTNTK_HD friend PackGroup operator/(PackGroup a, PackGroup b) {
    return each([&](int u) { return a.of[u] / b.of[u]; });
  }
  FASTNTK_HD friend PackGroup quotient(PackGroup a, PackGroup b) {
    return each([&](int u) { return quotient(a.of[u], b.of[u]); });
  }
  FASTNTK_HD friend PackGroup mul_add(PackGroup a, PackGroup b, PackGroup c) {
    return each([&](int u) { return mul_add(a.of[u], b.of[u], c.of[u]); });
  }
  FASTNTK_HD friend PackGroup neg_mul_add(PackGroup a, PackGroup b, PackGroup c) {
    return each([&](int u) { return neg_mul_add(a.of[u], b.of[u], c.of[u]); });
  }
  FASTNTK_HD friend PackGroup rounded(PackGroup a) {
    return each([&](int u) { return rounded(a.of[u]); });
  }
  FASTNTK_HD friend PackGroup square_root(PackGroup a) {
    return each([&](int u) { return square_root(a.of[u]); });
  }
  FASTNTK_HD friend PackGroup minimum(PackGroup a, PackGroup b) {
    return each([&](int u) { return minimum(a.of[u], b.of[u]); });
  }
  FASTNTK_HD friend PackGroup maximum(PackGroup a, PackGroup b) {
    return each([&](int u) { return maximum(a.of[u], b.of[u]); });
  }
  FASTNTK_HD friend auto less(PackGroup a, PackGroup b) {
    MaskGroup<decltype(less(a.of[0], b.of[0])), N> mask;
    FASTNTK_UNROLL
    for (int u = 0; u < N; ++u)
      mask.of[u] = less(a.of[u], b.of[u]);
    return mask;
  }
  template <class M>
  FASTNTK_HD friend PackGroup select(MaskGroup<M, N> mask, PackGroup a, PackGroup b) {
    return each([&](int u) { return select(mask.of[u], a.of[u], b.of[u]); });
  }
};

}  // namespace fastntk::cpu::FASTNTK_ISA
