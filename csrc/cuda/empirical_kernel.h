// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of a finite network on a GPU, from the activations and signals of its passes:
//   K[(i, k), (j, k')] = sum over linear maps  S[(i, k), (j, k')] (alpha A[i, j] + beta),
//   A = a a'^T of activations, a row per point;  S = d d'^T of signals, row i * outputs + k.
// Twin of cpu/empirical_kernel.h; empirical_tile.cuh computes it a tile at a time.
//
// Error of an entry relative to sqrt(K_ii K_jj), on the emulated GPU:
//   float: rows are multiplied as pairs of tf32 numbers, 16 columns to a sum, and these are added up to
//     the nearest; 9e-8 for widths to 3,072, and 1.2e-6 where rows of equal numbers make all roundings
//     fall the same way;
//   double: 4e-16, and 2e-14 for rows of equal numbers.
#pragma once

#include <vector>

#include "common/empirical_maps.h"
#include "cuda/empirical_rows.h"
#include "cuda/tile_sink.h"
#include "cuda/tile_source.h"

namespace fastntk::cuda {

template <class T>
using MapRows = EmpiricalMap<RowView<T>>;

template <class T>
class EmpiricalKernel final : public TileSource<T> {
public:
  // One of rows (and cols) and factors per linear map, in device memory, which outlives the kernel.
  // cols empty: symmetric. Waits for the stream once.
  EmpiricalKernel(long row_points, const std::vector<MapRows<T>>& rows, long col_points,
                  const std::vector<MapRows<T>>& cols, const std::vector<MapFactors>& factors,
                  long outputs, const Context& context);

  void write_dense(const std::vector<T*>& to, const Context& context) const override;
  void write_packed(T* to, const Context& context) const override;
  void multiply(const float* v, double* y, long k, const Context& context) const override;
  void multiply(const double* v, double* y, long k, const Context& context) const override;
  void diagonal(T* to, const Context& context) const override;
  std::size_t bytes() const override;

  // Parts that a tile is computed in by as many blocks; 1: whole.
  long parts() const { return chunks_.size() > 0 ? static_cast<long>(chunks_.size()) : 1; }
  // Largest entry on the diagonal, of either side; NaN or infinity where one is.
  double largest_diagonal() const { return largest_diagonal_; }

private:
  std::vector<TermView<T>> terms_of(const std::vector<MapRows<T>>& rows,
                                    const std::vector<MapRows<T>>& cols,
                                    const std::vector<MapFactors>& factors, const Context& context);
  void split(std::vector<TermView<T>>& terms, const Context& context);
  long blocks() const;
  // Whole, by parts.
  void write_in_parts(T* to, const Context& context) const;
  void launch_tiles(const TileSink& sink, const Context& context) const;
  template <class V>
  void times(const V* v, double* y, long k, const Context& context) const;

  std::vector<DeviceArray<char>> aligned_;
  DeviceArray<TermView<T>> terms_;
  DeviceArray<ChunkView> chunks_;
  DeviceArray<T> diagonal_;
  EmpiricalView<T> view_;
  double largest_diagonal_ = 0;
};

}  // namespace fastntk::cuda
