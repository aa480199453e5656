// SPDX-License-Identifier: Apache-2.0
// Deficits of a strip by the formulas that its product calls for; see deficits.h.
#pragma once

#include <utility>

#include "cpu/isa/deficits.h"

namespace fastntk::cpu::FASTNTK_ISA {

template <class T>
using Deficits32 = IntegerDeficits<Pack<T>, std::int32_t, std::int32_t>;
using DeficitsWide = IntegerDeficits<F64, double, double>;

template <class T>
Deficits32<T> deficits32(const LimitingPlan<T>& plan, const Strip& strip,
                         const std::int32_t* dots) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  return {plan, strip, dots, a.norms_modular, b.norms_modular, a.radius, b.radius};
}

// Deficits below it need care: see doubtful_deficit.
template <class T>
double doubtful_deficit(const LimitingPlan<T>& plan, const Strip& strip) {
  const auto range = [](const AlignedBuffer<T>& values, long begin, long count) {
    Pack<T> least = Pack<T>::load(&values[begin]), most = least;
    for (long i = 0; i < count; i += Pack<T>::kLanes) {
      least = minimum(least, Pack<T>::load(&values[begin + i]));
      most = maximum(most, Pack<T>::load(&values[begin + i]));
    }
    return std::pair<double, double>(smallest_lane(least), -smallest_lane(negated(most)));
  };
  const auto [a_least, a_most] = range(plan.rows->radius.half_inverse, strip.row, strip.count);
  const auto [b_least, b_most] = range(plan.cols->radius.half_inverse, strip.col, kStripWidth);
  const double ratio = fastntk::maximum(a_most / b_least, b_most / a_least);
  return fastntk::doubtful_deficit(ratio, plan.admitted_loss);
}

// Deficits of `strip`, rows [begin, begin + strip.count) of the arrays, by way of double; returns
// how far the nearest pair is from needing repair, negative if one does.
template <class T>
double wide_deficits(const LimitingPlan<T>& plan, const Strip& strip, long begin,
                     StripProducts& products, double* wide, T* x) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  const long first = begin * kStripWidth, cells = strip.count * kStripWidth;
  double margin = 0;
  if (plan.product == Product::kWideInteger) {
    const DeficitsWide deficits(plan, strip, products.sums + first, a.norms_wide, b.norms_wide,
                                a.radius_wide, b.radius_wide);
    careful_deficits(plan, strip, deficits, wide + first);
  } else {
    if (plan.product == Product::kSlices)
      add_slices(products, first, cells);
    margin =
        product_deficits(plan, strip, products.sums + first, wide + first) - plan.close_deficit;
  }
  narrow(wide + first, x + first, cells);
  return margin;
}

// Deficits of a whole strip in which some need care.
template <class T>
void repair_deficits(const LimitingPlan<T>& plan, const Strip& strip, const StripProducts& products,
                     double* wide, T* x) {
  if (plan.product == Product::kInteger)
    return careful_deficits(plan, strip, deficits32(plan, strip, products.integers[0]), x);
  if (plan.rows->samples.type == SampleType::kFloat32)
    repair_close_pairs<float>(plan, strip, wide);
  else
    repair_close_pairs<double>(plan, strip, wide);
  narrow(wide, x, strip.count * kStripWidth);
}

}  // namespace fastntk::cpu::FASTNTK_ISA
