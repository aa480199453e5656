// SPDX-License-Identifier: Apache-2.0
// Products with vectors around the tiles: scaled vectors before, sums in fixed point back to numbers
// after.
//
// With K_ij = a_i t_ij b_j, |t_ij| <= largest, and u_jc = b_j v_jc 2^-e_c such that the |u_jc| of a
// column add up to less than 2, every sum of t_ij u_jc over any tiles is below 2 `largest`: it has
// its place in an integer of 62 bits, whose unit is 2^-60 of the largest sum. Integers are added in
// any order to the same result.
#pragma once

#include "cuda/context.h"
#include "cuda/tile_sink.h"

namespace fastntk::cuda {

// The factors of one side, [count]; null: ones. P is their type.
template <class P>
struct Factors {
  const P* values;
  long count;
};

// Vectors V [cols.count, k] on their way to a VectorSink and back. U: the type that tiles are
// multiplied in.
template <class U>
class ScaledVectors {
public:
  template <class P, class V>
  ScaledVectors(const V* v, long k, Factors<P> cols, long rows, double largest,
                const Context& context);

  VectorSink sink() const;
  // y [rows, k] = a_i (sum over the tiles).
  template <class P>
  void finish(Factors<P> rows, double* y, const Context& context) const;

private:
  long k_;
  double unit_;
  DeviceArray<U> vectors_;
  DeviceArray<double> scales_;  // 2^-e_c
  DeviceArray<unsigned long long> sums_;
};

}  // namespace fastntk::cuda
