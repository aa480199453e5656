// SPDX-License-Identifier: Apache-2.0
// From the inner products of a strip to the deficits of the first preactivations, and the repair of
// those that lost digits.
//
// A strip is rows [row, row + count) by columns [col, col + width) of the whole matrix; products
// and deficits are [count][width].
#pragma once

#include "common/input_layer.h"
#include "cpu/isa/product.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu::FASTNTK_ISA {

struct Strip {
  long row, col;
  long count;
  int width;
};

template <class V>
FASTNTK_HD RowRadius<V> radius_of_row(const RadiusTable<Scalar<V>>& table, long i) {
  return {V(table.hi[i]), V(table.lo[i]), V(table.half_inverse[i])};
}

template <class V>
FASTNTK_HD RowRadius<V> radius_of_columns(const RadiusTable<Scalar<V>>& table, long j) {
  return {V::load(&table.hi[j]), V::load(&table.lo[j]), V::load(&table.half_inverse[j])};
}

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

// Deficits of integer data; returns the least margin by which a numerator kept its share of D,
// negative if one did not.
template <class V, class Sum, class Norms>
FASTNTK_HD Scalar<V> integer_deficits(const Strip& strip, const Sum* dots, const Norms& row_norms,
                                      const Norms& col_norms,
                                      const RadiusTable<Scalar<V>>& row_radius,
                                      const RadiusTable<Scalar<V>>& col_radius, Scalar<V>* x) {
  using T = Scalar<V>;
  V margin(T(1));
  for (long i = 0; i < strip.count; ++i) {
    const RowRadius<V> a = radius_of_row<V>(row_radius, strip.row + i);
    const auto norm = row_norms[strip.row + i];
    for (int j = 0; j < strip.width; j += V::kLanes) {
      const RowRadius<V> b = radius_of_columns<V>(col_radius, strip.col + j);
      const V distance = distances<V>(dots + i * strip.width + j, norm, &col_norms[strip.col + j]);
      const V numerator = deficit_numerator(distance, a, b);
      margin = minimum(margin, neg_mul_add(V(T(kKeptShare)), distance, numerator));
      deficit_from_distance(numerator, a, b).store(x + i * strip.width + j);
    }
  }
  return smallest_lane(margin);
}

// Deficits of scaled floating-point data; returns the least of them.
inline double product_deficits(const Strip& strip, const double* dots,
                               const AlignedBuffer<double>& row_p,
                               const AlignedBuffer<double>& row_v,
                               const AlignedBuffer<double>& col_p,
                               const AlignedBuffer<double>& col_v, double* x) {
  F64 least(1.0);
  for (long i = 0; i < strip.count; ++i) {
    const F64 p(row_p[strip.row + i]), v(row_v[strip.row + i]);
    for (int j = 0; j < strip.width; j += F64::kLanes) {
      const F64 deficit = deficit_from_product(F64::load(dots + i * strip.width + j),
                                               p * F64::load(&col_p[strip.col + j]),
                                               v * F64::load(&col_v[strip.col + j]));
      least = minimum(least, deficit);
      deficit.store(x + i * strip.width + j);
    }
  }
  return smallest_lane(least);
}

// Asks the integers again wherever the numerator lost digits.
template <class T, class Sum, class R>
void repair_integer_deficits(const LimitingPlan<T>& plan, const Strip& strip, const Sum* dots,
                             const RadiusTable<R>& row_radius, const RadiusTable<R>& col_radius,
                             R* x) {
  for (long i = 0; i < strip.count && strip.row + i < plan.rows->samples.rows; ++i) {
    for (int j = 0; j < strip.width && strip.col + j < plan.cols->samples.rows; ++j) {
      const long a = strip.row + i, b = strip.col + j;
      const long long norm_a = plan.rows->norms[a], norm_b = plan.cols->norms[b];
      const long long dot = static_cast<long long>(dots[i * strip.width + j]);
      const double distance = static_cast<double>(norm_a + norm_b - 2 * dot);
      const double kept =
          x[i * strip.width + j] / (row_radius.half_inverse[a] * col_radius.half_inverse[b]);
      if (kept < 1.01 * kKeptShare * distance) {
        x[i * strip.width + j] =
            static_cast<R>(deficit_from_integers(norm_a, norm_b, dot, plan.input.bias_term()));
      }
    }
  }
}

// 4 x = sum_k (x_k / r - x'_k / r')^2 + B (1 / r - 1 / r')^2, summed in several lanes.
template <class S>
double direct_deficit(const S* a, const S* b, long columns, double inverse_a, double inverse_b,
                      double bias_term) {
  constexpr long kLanes = F64::kLanes;
  F64 sum(0.0);
  long k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    const F64 gap = F64::convert(a + k) * F64(inverse_a) - F64::convert(b + k) * F64(inverse_b);
    sum = mul_add(gap, gap, sum);
  }
  double total = 0;
  for (int c = 0; c < kLanes; ++c)
    total += sum.v[c];
  for (; k < columns; ++k) {
    const double gap =
        static_cast<double>(a[k]) * inverse_a - static_cast<double>(b[k]) * inverse_b;
    total += gap * gap;
  }
  const double bias_gap = inverse_a - inverse_b;
  if (bias_term > 0)
    total += bias_term * bias_gap * bias_gap;
  return total / 4;
}

template <class S, class T>
void repair_close_pairs(const LimitingPlan<T>& plan, const Strip& strip, double* x) {
  const long columns = plan.rows->samples.columns;
  const S* left = static_cast<const S*>(plan.rows->samples.data);
  const S* right = static_cast<const S*>(plan.cols->samples.data);
  for (long i = 0; i < strip.count && strip.row + i < plan.rows->samples.rows; ++i) {
    for (int j = 0; j < strip.width && strip.col + j < plan.cols->samples.rows; ++j) {
      const long a = strip.row + i, b = strip.col + j;
      if (x[i * strip.width + j] >= plan.close_deficit)
        continue;
      x[i * strip.width + j] = direct_deficit(left + a * columns, right + b * columns, columns,
                                              plan.rows->inverse_radius[a],
                                              plan.cols->inverse_radius[b], plan.input.bias_term());
    }
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
