// SPDX-License-Identifier: Apache-2.0
// The whole recursion as one function of the angle.
//
// Where every layer mixes all rows alike (bias_std = 0, or rows of equal norm) Theta / sqrt(q q') is
// a function of the first deficit x alone, whatever the depth, and a smooth one of s = sqrt(x) (of
// sqrt(1 - x) beyond a right angle): piecewise polynomials about equally spaced nodes replace the
// layers.
#pragma once

#include <optional>
#include <vector>

#include "common/limiting_plan.h"

namespace fastntk {

// Two registers of 512 bits hold a coefficient of all pieces.
template <class T>
struct DepthTable {
  static constexpr int kPieces = 128 / sizeof(T);
  static constexpr int kDegree = sizeof(T) == sizeof(float) ? 3 : 9;
  // Piece k is centred at s = k / kPiecesPerUnit; the last one at s = sqrt(1/2), a right angle.
  static constexpr T kPiecesPerUnit = static_cast<T>((kPieces - 1) * 1.41421356237309504880L);

  struct Branch {
    alignas(64) T coefficients[kDegree + 1][kPieces];
  };
  Branch acute;
  std::optional<Branch> obtuse;  // of sqrt(1 - x), for data of both signs
};

// One table per output, or none: where rows differ in their mixing, or a table would be less
// accurate than the recursion that it replaces. shares: per output and linear map.
template <class T>
std::vector<DepthTable<T>> depth_tables(const std::vector<LayerPlan>& layers,
                                        const RowRanges& ranges,
                                        const std::vector<std::vector<Shares<T>>>& shares);

}  // namespace fastntk
