// SPDX-License-Identifier: Apache-2.0
#include "common/depth_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "common/angle_extended.h"

namespace fastntk {
namespace {

// The type in which the recursion is tabulated, with digits to spare.
template <class T>
using Reference = std::conditional_t<sizeof(T) == sizeof(float), double, Extended>;

// The largest error of a table, of its value or of the value at x = 0: a third of what the gates
// leave, and no more than the recursion's own.
template <class T>
constexpr double kTableError = sizeof(T) == sizeof(float) ? 1.5e-7 : 7e-16;

// One layer alone is too steep for a float table: at a right angle the rounding of s moves Theta by
// 2.7e-7, and the float gate was missed (8.3e-7 measured; two layers stay below 4.4e-7).
constexpr std::size_t kLeastLayers = 2;

template <class T>
constexpr int kTerms = DepthTable<T>::kDegree + 1;

// A layer between rows that are alike but for their angle; x is folded.
template <class R>
AngleState<R> layer_of(const Activation& activation, AngleState<R> state, const R* scalars,
                       MixingScalars<R> mixing, Shares<R> shares) {
  return with_activation(activation, [&](auto act) {
    const auto dual = act.template pair_step<kFolded>(state.x, scalars, scalars);
    const AngleState<R> next = mix_equal(dual, state.t, mixing, shares);
    return AngleState<R>{fold(next.x, acute_deficit<kAnyAngle>(next.x)), next.t};
  });
}

// The recursion that all rows share: each range is one number.
template <class T>
class CommonRecursion {
public:
  using R = Reference<T>;

  CommonRecursion(const std::vector<LayerPlan>& layers, const RowRanges& ranges,
                  const std::vector<Shares<T>>& shares)
      : layers_(layers), ranges_(ranges), shares_(shares) {}

  // Theta / sqrt(q q') where the first deficit is s^2, or 1 - s^2.
  R operator()(R s, bool obtuse) const {
    const R x = obtuse ? -s * s : s * s;  // folded
    const R first = first_layer(unfold(x), mixing(ranges_.first), mixing(ranges_.first), shares(0));
    AngleState<R> state{x, first};
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const LayerRanges& layer = ranges_.layers[l];
      R scalars[kMaxRowScalars] = {};
      for (int k = 0; k < activation_row_scalars(layers_[l].activation); ++k)
        scalars[k] = static_cast<R>(layer.scalars[k].least);
      state = layer_of(layers_[l].activation, state, scalars, mixing(layer), shares(l + 1));
    }
    return state.t;
  }

private:
  // w and v with the digits that R has beyond T, from w^2 + v^2 = 1.
  MixingScalars<R> mixing(const LayerRanges& layer) const {
    const R w = layer.w.least, v = layer.v.least;
    const R norm = std::sqrt(w * w + v * v);
    return {w / norm, v / norm};
  }
  Shares<R> shares(std::size_t l) const {
    return {static_cast<R>(shares_[l].weights), static_cast<R>(shares_[l].biases)};
  }

  const std::vector<LayerPlan>& layers_;
  const RowRanges& ranges_;
  const std::vector<Shares<T>>& shares_;
};

template <class R, int kCount>
using Values = std::array<R, kCount>;

// Chebyshev points of a piece that reaches from low to high.
template <class R, int kCount>
Values<R, kCount> chebyshev_points(R low, R high) {
  Values<R, kCount> points;
  for (int i = 0; i < kCount; ++i) {
    points[i] =
        (low + high) / 2 + (high - low) / 2 * std::cos(R(M_PI) * (2 * i + 1) / (2 * kCount));
  }
  return points;
}

// Coefficients of the polynomial through (points, values): Newton's divided differences, multiplied
// out.
template <class R, int kCount>
Values<R, kCount> interpolate(const Values<R, kCount>& points, Values<R, kCount> values) {
  for (int order = 1; order < kCount; ++order) {
    for (int i = kCount - 1; i >= order; --i)
      values[i] = (values[i] - values[i - 1]) / (points[i] - points[i - order]);
  }
  Values<R, kCount> coefficients{};
  for (int i = kCount - 1; i >= 0; --i) {
    for (int k = kCount - 1; k > 0; --k)
      coefficients[k] = coefficients[k - 1] - points[i] * coefficients[k];
    coefficients[0] = values[i] - points[i] * coefficients[0];
  }
  return coefficients;
}

// False if the branch misses its bound between the points that define it.
template <class T>
bool fill_branch(const CommonRecursion<T>& recursion, bool obtuse, bool relative,
                 typename DepthTable<T>::Branch& branch) {
  using R = Reference<T>;
  constexpr int kPieces = DepthTable<T>::kPieces;
  constexpr int kCount = kTerms<T>;
  const R per_unit = R(kPieces - 1) * std::sqrt(R(2));
  const R at_zero = std::abs(recursion(R(0), false));
  for (int piece = 0; piece < kPieces; ++piece) {
    const R low = piece == 0 ? R(0) : R(-0.5);
    const R high = piece == kPieces - 1 ? R(0) : R(0.5);
    const auto exact = [&](R offset) { return recursion((piece + offset) / per_unit, obtuse); };
    const Values<R, kCount> points = chebyshev_points<R, kCount>(low, high);
    Values<R, kCount> values;
    std::transform(points.begin(), points.end(), values.begin(), exact);
    const Values<R, kCount> polynomial = interpolate<R, kCount>(points, values);
    for (int k = 0; k < kCount; ++k)
      branch.coefficients[k][piece] = static_cast<T>(polynomial[k]);
    const auto serves = [&](R offset) {
      const R wanted = exact(offset);
      R sum = polynomial[kCount - 1];
      for (int k = kCount - 2; k >= 0; --k)
        sum = sum * offset + polynomial[k];
      return std::abs(sum - wanted) <= R(kTableError<T>) * (relative ? std::abs(wanted) : at_zero);
    };
    // A function may be so steep at an end that it is flat in all points but there. No folded deficit
    // is that of opposite rows themselves.
    if (piece == 0 && !serves(obtuse ? R(1e-16) : R(0)))
      return false;
    // Between neighbouring points the error is at its largest.
    for (int i = 0; i <= kCount; ++i) {
      const R left = i == 0 ? high : points[i - 1], right = i == kCount ? low : points[i];
      if (!serves((left + right) / 2))
        return false;
    }
  }
  return true;
}

// Whether all pairs of rows share one recursion.
bool all_alike(const std::vector<LayerPlan>& layers, const RowRanges& ranges) {
  if (layers.size() < kLeastLayers || !ranges.first.w.one_number() || !ranges.first.v.one_number())
    return false;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Range* scalars = ranges.layers[l].scalars;
    const int count = activation_row_scalars(layers[l].activation);
    if (!layers[l].equal || layers[l].skip ||
        !std::all_of(scalars, scalars + count, [](Range scalar) { return scalar.one_number(); }))
      return false;
  }
  return true;
}

}  // namespace

template <class T>
std::vector<DepthTable<T>> depth_tables(const std::vector<LayerPlan>& layers,
                                        const RowRanges& ranges,
                                        const std::vector<std::vector<Shares<T>>>& shares) {
  if (!all_alike(layers, ranges))
    return {};
  const bool relative = std::all_of(layers.begin(), layers.end(), [](const LayerPlan& layer) {
    return activation_dual_is_non_negative(layer.activation);
  });
  std::vector<DepthTable<T>> tables(shares.size());
  for (std::size_t o = 0; o < tables.size(); ++o) {
    const CommonRecursion<T> recursion(layers, ranges, shares[o]);
    if (!fill_branch(recursion, false, relative, tables[o].acute))
      return {};
    if (layers.front().angle_level == kFolded) {
      tables[o].obtuse.emplace();
      if (!fill_branch(recursion, true, false, *tables[o].obtuse))
        return {};
    }
  }
  return tables;
}

template std::vector<DepthTable<float>>
depth_tables(const std::vector<LayerPlan>&, const RowRanges&,
             const std::vector<std::vector<Shares<float>>>&);
template std::vector<DepthTable<double>>
depth_tables(const std::vector<LayerPlan>&, const RowRanges&,
             const std::vector<std::vector<Shares<double>>>&);

}  // namespace fastntk
