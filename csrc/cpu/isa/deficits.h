// SPDX-License-Identifier: Apache-2.0
// From the inner products of a strip to the deficits of the first preactivations, and the repair of
// those that lost digits.
#pragma once

#include "common/input_layer.h"
#include "cpu/isa/strip.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu::FASTNTK_ISA {

// |x - x'|^2 of one row with V::kLanes columns. Distances stay below 2^31, so modular arithmetic in
// 32 bits is exact.
template <class V>
FASTNTK_HD V distances(const std::int32_t* dots, std::int32_t norm, const std::int32_t* norms) {
  typedef std::uint32_t Modular __attribute__((vector_size(V::kLanes * 4)));
  typedef std::int32_t Signed __attribute__((vector_size(V::kLanes * 4)));
  Modular dot, other;
  std::memcpy(&dot, dots, sizeof dot);
  std::memcpy(&other, norms, sizeof other);
  const Modular distance = other + static_cast<std::uint32_t>(norm) - (dot + dot);
  return __builtin_convertvector(reinterpret_cast<Signed>(distance), typename V::Native);
}

template <class V>
FASTNTK_HD V distances(const double* dots, double norm, const double* norms) {
  return V(norm) + V::load(norms) - V(2.0) * V::load(dots);
}

// Deficits of integer data, a vector at a time. V is the type they are formed in, Sum that of the
// products, Norm that of the norms. Pointers are read once: stores of numbers may alias them
// otherwise.
template <class V, class Sum, class Norm>
struct IntegerDeficits {
  using Number = Scalar<V>;
  const Sum* dots;  // of the strip's first row
  const Norm* row_norms;
  const Norm* col_norms;
  const Number* row_hi;
  const Number* row_lo;
  const Number* row_half_inverse;
  const Number* col_hi;
  const Number* col_lo;
  const Number* col_half_inverse;
  V bias;
  V admitted;
  V least{Number(1)};  // of the deficits so far

  template <class T, class Norms>
  IntegerDeficits(const LimitingPlan<T>& plan, const Strip& strip, const Sum* products,
                  const Norms& rows, const Norms& cols, const RadiusTable<Number>& row_radius,
                  const RadiusTable<Number>& col_radius)
      : dots(products), row_norms(&rows[strip.row]), col_norms(&cols[strip.col]),
        row_hi(&row_radius.hi[strip.row]), row_lo(&row_radius.lo[strip.row]),
        row_half_inverse(&row_radius.half_inverse[strip.row]), col_hi(&col_radius.hi[strip.col]),
        col_lo(&col_radius.lo[strip.col]), col_half_inverse(&col_radius.half_inverse[strip.col]),
        bias(static_cast<Number>(plan.bias_term)),
        admitted(static_cast<Number>(plan.admitted_loss)) {}

  // Row i, columns [j, j + V::kLanes) of the strip, by the distance.
  FASTNTK_HD V at(long i, int j) {
    const V x = deficit_from_distance(distance(i, j), row_radius(i), col_radius(j));
    least = minimum(least, x);
    return x;
  }

  // The same by the better formula, negative where the integers have to be asked.
  FASTNTK_HD V careful_at(long i, int j) {
    const V dot = V::convert(dots + i * kStripWidth + j);
    const V x =
        careful_integer_deficit(distance(i, j), dot, bias, admitted, row_radius(i), col_radius(j));
    least = minimum(least, x);
    return x;
  }

private:
  FASTNTK_HD V distance(long i, int j) const {
    return distances<V>(dots + i * kStripWidth + j, row_norms[i], col_norms + j);
  }
  FASTNTK_HD RowRadius<V> row_radius(long i) const {
    return {V(row_hi[i]), V(row_lo[i]), V(row_half_inverse[i])};
  }
  FASTNTK_HD RowRadius<V> col_radius(int j) const {
    return {V::load(col_hi + j), V::load(col_lo + j), V::load(col_half_inverse + j)};
  }
};

// Deficits of every pair of a strip, whatever its rows are.
template <class T, class V, class Sum, class Norm>
void careful_deficits(const LimitingPlan<T>& plan, const Strip& strip,
                      IntegerDeficits<V, Sum, Norm> deficits, Scalar<V>* x) {
  for (long i = 0; i < strip.count; ++i) {
    for (int j = 0; j < kStripWidth; j += V::kLanes)
      deficits.careful_at(i, j).store(x + i * kStripWidth + j);
  }
  if (smallest_lane(deficits.least) >= 0)
    return;
  for (long i = 0; i < strip.count; ++i) {
    for (int j = 0; j < kStripWidth; ++j) {
      const long cell = i * kStripWidth + j;
      if (x[cell] < 0) {
        x[cell] = static_cast<Scalar<V>>(
            deficit_from_integers(plan.rows->norms[strip.row + i], plan.cols->norms[strip.col + j],
                                  static_cast<long long>(deficits.dots[cell]), plan.bias_term));
      }
    }
  }
}

// Sums of products of fixed-point rows from those of their bytes; a fixed-point number is n 2^-22.
inline void add_slices(StripProducts& products, long first, long count) {
  const F64 weights[kSliceSums] = {F64(0x1p-12), F64(0x1p-20), F64(0x1p-28), F64(0x1p-36)};
  for (long c = first; c < first + count; c += F64::kLanes) {
    F64 sum(0.0);
    FASTNTK_UNROLL
    for (int s = kSliceSums - 1; s >= 0; --s)
      sum = mul_add(F64::convert(products.integers[s] + c), weights[s], sum);
    sum.store(products.sums + c);
  }
}

template <class T>
void narrow(const double* from, T* to, long count) {
  for (long c = 0; c < count; c += Pack<T>::kLanes)
    Pack<T>::convert(from + c).store(to + c);
}

template <bool kFolded, class T>
double deficits_from_sums(const LimitingPlan<T>& plan, const Strip& strip, const double* dots,
                          double* x) {
  const double* row_p = &plan.rows->p[strip.row];
  const double* row_v = &plan.rows->v[strip.row];
  const double* col_p = &plan.cols->p[strip.col];
  const double* col_v = &plan.cols->v[strip.col];
  F64 least(1.0);
  for (long i = 0; i < strip.count; ++i) {
    const F64 p(row_p[i]), v(row_v[i]);
    FASTNTK_UNROLL
    for (int j = 0; j < kStripWidth; j += F64::kLanes) {
      const F64 dot = F64::load(dots + i * kStripWidth + j);
      const F64 p_product = p * F64::load(col_p + j), v_product = v * F64::load(col_v + j);
      F64 deficit;
      if constexpr (kFolded) {
        deficit = folded_deficit_from_product(dot, p_product, v_product);
        least = minimum(least, maximum(deficit, negated(deficit)));
      } else {
        deficit = deficit_from_product(dot, p_product, v_product);
        least = minimum(least, deficit);
      }
      deficit.store(x + i * kStripWidth + j);
    }
  }
  return smallest_lane(least);
}

// Deficits of scaled floating-point data, folded where signs differ; returns the least distance
// from equal or opposite directions.
template <class T>
double product_deficits(const LimitingPlan<T>& plan, const Strip& strip, const double* dots,
                        double* x) {
  return plan.layers.front().angle_level == kFolded
             ? deficits_from_sums<true>(plan, strip, dots, x)
             : deficits_from_sums<false>(plan, strip, dots, x);
}

// One row of data as the direct formula reads it: unit * (value * inverse_scale), two steps because
// their product may overflow.
template <class S>
struct DirectRow {
  const S* values;
  double inverse_scale;
  double unit;
  double v;

  FASTNTK_HD F64 lanes(const S* from) const {
    return rounded(F64::convert(from) * F64(inverse_scale) * F64(unit));
  }
};

// |u - sign u'|^2 / 4 of the unit vectors u = (x / r, v), summed in several lanes: x for sign 1, 1
// - x for sign -1. Products are rounded before they are subtracted, so that a pair and its
// transpose agree.
template <class S>
double direct_deficit(const DirectRow<S>& a, const DirectRow<S>& b, long columns, double sign) {
  constexpr long kLanes = F64::kLanes;
  F64 sum(0.0);
  long k = 0;
  const auto add = [&](const S* left, const S* right) {
    const F64 gap = a.lanes(left) - F64(sign) * b.lanes(right);
    sum = mul_add(gap, gap, sum);
  };
  for (; k + kLanes <= columns; k += kLanes)
    add(a.values + k, b.values + k);
  if (k < columns) {
    S left[kLanes] = {}, right[kLanes] = {};
    for (long rest = 0; k + rest < columns; ++rest) {
      left[rest] = a.values[k + rest];
      right[rest] = b.values[k + rest];
    }
    add(left, right);
  }
  const double bias_gap = a.v - sign * b.v;
  double total = bias_gap * bias_gap;
  for (int c = 0; c < kLanes; ++c)
    total += sum.v[c];
  return total / 4;
}

template <class S, class T>
DirectRow<S> direct_row(const Operand<T>& operand, long i) {
  const S* values = static_cast<const S*>(operand.samples.data) + i * operand.samples.columns;
  return {values, 1 / operand.row_scale[i], operand.p[i], operand.v[i]};
}

template <class S, class T>
void repair_close_pairs(const LimitingPlan<T>& plan, const Strip& strip, double* x) {
  constexpr double kOpposite = 1e-37;  // keeps exactly opposite rows on the obtuse side
  const long columns = plan.rows->samples.columns;
  for (long i = 0; i < strip.count && strip.row + i < plan.rows->samples.rows; ++i) {
    const DirectRow<S> a = direct_row<S>(*plan.rows, strip.row + i);
    for (int j = 0; j < kStripWidth && strip.col + j < plan.cols->samples.rows; ++j) {
      double& deficit = x[i * kStripWidth + j];
      const bool obtuse = deficit < 0;
      if ((obtuse ? -deficit : deficit) >= plan.close_deficit)
        continue;
      const DirectRow<S> b = direct_row<S>(*plan.cols, strip.col + j);
      const double direct = direct_deficit(a, b, columns, obtuse ? -1.0 : 1.0);
      deficit = obtuse ? -fastntk::maximum(direct, kOpposite) : direct;
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
