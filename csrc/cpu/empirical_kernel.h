// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of a finite network from the activations and signals of its passes, computed a
// tile at a time and never stored:
//   K[(i, k), (j, k')] = sum over linear maps  S[(i, k), (j, k')] (alpha A[i, j] + beta),
//   A = a a'^T of activations, a row per point;  S = d d'^T of signals, row i * outputs + k.
//
// Error of an entry relative to sqrt(K_ii K_jj): what the two products of a map err by together,
// each relative to the norms of its rows, and a rounding per map.
//   float by multiply-adds: 128 + n / 128 roundings of 2^-24 for n columns, were all of them to fall
//     the same way; measured at most 1e-6, most of it for rows of equal numbers;
//   float in fixed point: at most 2.1e-6, and 8 + n / 256 roundings of 2^-24; measured 3e-7. Where a
//     row would err by more than kLargestError, that map's product is formed by multiply-adds;
//   double: as float, with 2^-53; measured 1e-15.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/empirical_maps.h"
#include "cpu/empirical_plan.h"
#include "cpu/row_packing.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

template <class T>
using MapRows = EmpiricalMap<RowView<T>>;

template <class T>
class EmpiricalKernel final : public TileSource<T> {
public:
  // Of |e| / |x|, what fixed point may take from a row, see common/fixed_point.h.
  static constexpr double kLargestError = 5e-7;

  // One of rows (and cols) and factors per linear map; rows are read here alone. cols empty:
  // symmetric.
  EmpiricalKernel(long row_points, const std::vector<MapRows<T>>& rows, long col_points,
                  const std::vector<MapRows<T>>& cols, const std::vector<MapFactors>& factors,
                  long outputs, const std::string& isa, int threads);

  std::size_t scratch_bytes() const override { return engine_->empirical_scratch_bytes; }
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override {
    engine_->empirical_tile(plan_, bi, bj, tiles, scratch);
    return tiles;
  }
  void diagonal(T* to) const override;
  std::size_t bytes() const override;

  // How the products of a map are formed, if it has them.
  struct MapRoute {
    std::optional<Product> activations, signals;
  };
  const std::string& isa() const { return isa_; }
  std::vector<MapRoute> route() const;
  double largest_diagonal() const { return largest_diagonal_; }

private:
  struct MapPanels {
    std::optional<PackedPair<T>> activations, signals;
  };
  // K of every row of one side with itself.
  std::vector<double> self_kernel(bool rows, long count) const;

  std::string isa_;
  const Engine<T>* engine_;
  PanelMemory memory_;
  std::vector<MapPanels> maps_;
  EmpiricalPlan<T> plan_;
  AlignedBuffer<T> diagonal_;
  double largest_diagonal_ = 0;
};

}  // namespace fastntk::cpu
