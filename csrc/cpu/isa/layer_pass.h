// SPDX-License-Identifier: Apache-2.0
// One layer of the recursion over a strip whose state (x, t) lies in the first-level cache. The
// activation, what is known of the angles, and equal or general mixing are template parameters; the
// tile picks the instance once per layer and strip.
#pragma once

#include "common/layer.h"
#include "cpu/isa/pack.h"
#include "cpu/row_table.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
struct LayerPass {
  T* x;  // [count][width]
  T* t;  // [count][width]
  long row, col;
  long count;
  int width;
  const LayerRows<T>* rows;
  const LayerRows<T>* cols;
  Shares<T> shares;
};

template <class Act, class T, int kLevel, bool kEqual>
void layer_pass(const LayerPass<T>& pass) {
  using V = Pack<T>;
  constexpr int kScalars = Act::kRowScalars > 0 ? Act::kRowScalars : 1;
  const Shares<V> shares{V(pass.shares.weights), V(pass.shares.biases)};
  const MixingScalars<V> all{V(pass.rows->w[pass.row]), V(pass.rows->v[pass.row])};
  for (long i = 0; i < pass.count; ++i) {
    MixingScalars<V> a = all;
    if constexpr (!kEqual)
      a = {V(pass.rows->w[pass.row + i]), V(pass.rows->v[pass.row + i])};
    V row_scalars[kScalars];
    FASTNTK_UNROLL
    for (int k = 0; k < Act::kRowScalars; ++k)
      row_scalars[k] = V(pass.rows->scalars[k][pass.row + i]);
    T* x = pass.x + i * pass.width;
    T* t = pass.t + i * pass.width;
    for (int j = 0; j < pass.width; j += V::kLanes) {
      V col_scalars[kScalars];
      FASTNTK_UNROLL
      for (int k = 0; k < Act::kRowScalars; ++k)
        col_scalars[k] = V::load(&pass.cols->scalars[k][pass.col + j]);
      const PairDual<V> dual =
          Act::template pair_step<kLevel>(V::load(x + j), row_scalars, col_scalars);
      AngleState<V> state;
      if constexpr (kEqual) {
        state = mix_equal(dual, V::load(t + j), a, shares);
      } else {
        const MixingScalars<V> b{V::load(&pass.cols->w[pass.col + j]),
                                 V::load(&pass.cols->v[pass.col + j])};
        state = mix(dual, V::load(t + j), a, b, shares);
      }
      state.x.store(x + j);
      state.t.store(t + j);
    }
  }
}

template <class T>
using LayerPassFunction = void (*)(const LayerPass<T>&);

template <class Act, class T, int kLevel>
constexpr LayerPassFunction<T> pass_of(bool equal) {
  return equal ? layer_pass<Act, T, kLevel, true> : layer_pass<Act, T, kLevel, false>;
}

template <class Act, class T>
LayerPassFunction<T> pass_for_level(int level, bool equal) {
  if constexpr (Act::kUsesAngleLevels) {
    switch (level) {
    case kFolded:
      return pass_of<Act, T, kFolded>(equal);
    case kAcute:
      return pass_of<Act, T, kAcute>(equal);
    case kSecondLayer:
      return pass_of<Act, T, kSecondLayer>(equal);
    case kThirdLayer:
      return pass_of<Act, T, kThirdLayer>(equal);
    case kDeeper:
      return pass_of<Act, T, kDeeper>(equal);
    }
  } else if (level == kFolded) {
    return pass_of<Act, T, kFolded>(equal);
  }
  return pass_of<Act, T, kAnyAngle>(equal);
}

template <class T>
LayerPassFunction<T> select_pass(Activation activation, int level, bool equal) {
#define FASTNTK_CASE(Type)                                                                         \
  case Activation::k##Type:                                                                        \
    return pass_for_level<Type, T>(level, equal);
  switch (activation) {
    FASTNTK_ACTIVATIONS(FASTNTK_CASE)
  default:
    return nullptr;
  }
#undef FASTNTK_CASE
}

}  // namespace fastntk::cpu::FASTNTK_ISA
