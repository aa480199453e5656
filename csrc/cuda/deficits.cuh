// SPDX-License-Identifier: Apache-2.0
// From the products of a tile to what its cells hold until they are evaluated:
//   integers: the product itself (kInteger), or the deficit unless it needs care (kWideInteger);
//   other data: the deficit, folded where signs differ, with close pairs measured directly;
//   no hidden layers: the kernel, which is affine in the product.
// Also the deficit of a cell that holds a product of integers.
#pragma once

#include "common/input_layer.h"
#include "cuda/cells.cuh"
#include "cuda/problem.h"
#include "cuda/tile_place.cuh"

namespace fastntk::cuda {

template <class P>
__device__ RowRadius<P> radius_of(const SideView<P>& side, int i) {
  return {side.radius_hi[i], side.radius_lo[i], side.half_inverse[i]};
}

// Deficits below it need care: see doubtful_deficit.
template <class Shape, class P>
__device__ double doubtful_deficit(const ProblemView<P>& problem, const TilePlace<Shape>& place) {
  const auto range = [](const SideView<P>& side, int begin, int count, P& least, P& most) {
    const int last = (static_cast<int>(smaller(begin + count, side.rows)) - 1) / kRangeRows;
    int block = begin / kRangeRows;
    least = side.half_inverse_least[block];
    most = side.half_inverse_most[block];
    while (++block <= last) {
      least = minimum(least, side.half_inverse_least[block]);
      most = maximum(most, side.half_inverse_most[block]);
    }
  };
  P row_least, row_most, col_least, col_most;
  range(problem.rows, place.row, Shape::kRows, row_least, row_most);
  range(problem.cols, place.col, Shape::kCols, col_least, col_most);
  const double up = static_cast<double>(row_most) / col_least;
  const double down = static_cast<double>(col_most) / row_least;
  return fastntk::doubtful_deficit(maximum(up, down), problem.admitted_loss);
}

// |x - x'|^2 from an exact product of integers. Distances stay below 2^31 (kInteger), so modular
// arithmetic in 32 bits is exact.
template <class P>
__device__ P integer_distance(const ProblemView<P>& problem, int dot, int i, int j) {
  const unsigned norms =
      static_cast<unsigned>(problem.rows.norms[i]) + static_cast<unsigned>(problem.cols.norms[j]);
  return static_cast<P>(static_cast<int>(norms - 2 * static_cast<unsigned>(dot)));
}

// By the better formula: negative where only the integers have it.
template <class P>
__device__ P better_deficit(const ProblemView<P>& problem, int dot, int i, int j) {
  return careful_integer_deficit(
      integer_distance(problem, dot, i, j), static_cast<P>(static_cast<unsigned>(dot)),
      static_cast<P>(problem.bias_term), static_cast<P>(problem.admitted_loss),
      radius_of(problem.rows, i), radius_of(problem.cols, j));
}

// Where the distance has too few digits.
template <class P>
__device__ P careful_deficit(const ProblemView<P>& problem, int dot, int i, int j) {
  const P x = better_deficit(problem, dot, i, j);
  if (x >= P(0))
    return x;
  return static_cast<P>(deficit_from_integers(problem.rows.norms[i], problem.cols.norms[j],
                                              static_cast<unsigned>(dot), problem.bias_term));
}

// From a product that only doubles hold: the deficit, or -1 - dot where the integers are to be asked.
__device__ inline double wide_deficit(const ProblemView<double>& problem, double dot, int i,
                                      int j) {
  const double distance = static_cast<double>(problem.rows.norms[i]) +
                          static_cast<double>(problem.cols.norms[j]) - 2.0 * dot;
  const double x = careful_integer_deficit(distance, dot, problem.bias_term, problem.admitted_loss,
                                           radius_of(problem.rows, i), radius_of(problem.cols, j));
  return x >= 0 ? x : -1 - dot;
}

// Without hidden layers: weights s x . x' + biases bias_std^2.
template <class P>
__device__ P linear_kernel(const ProblemView<P>& problem, const OutputView<P>& output, double dot,
                           int i, int j) {
  const double weights = output.shares[0].weights * problem.s;
  const double bias = output.shares[0].biases * problem.bias_std * problem.bias_std;
  const double left = weights * (problem.data_scale * problem.rows.row_scale[i]);
  const double right = problem.data_scale * problem.cols.row_scale[j];
  return static_cast<P>(left * right * dot + bias);
}

// |u - sign u'|^2 / 4 of the unit vectors u = (x / r, v), by a whole warp: x for sign 1, 1 - x for
// sign -1. Products are rounded before they are subtracted, so that a pair and its transpose agree.
template <class S, class P>
__device__ double direct_deficit(const ProblemView<P>& problem, int i, int j, double sign) {
  const SideView<P>&a = problem.rows, &b = problem.cols;
  const long columns = problem.data_columns;
  const S* left = static_cast<const S*>(a.samples) + i * columns;
  const S* right = static_cast<const S*>(b.samples) + j * columns;
  // Two steps, because their product may overflow.
  const double left_inverse = 1 / a.row_scale[i], left_unit = a.p[i];
  const double right_inverse = 1 / b.row_scale[j], right_unit = b.p[j];
  double sum = 0;
  for (long k = threadIdx.x % kWarp; k < columns; k += kWarp) {
    const double gap =
        left[k] * left_inverse * left_unit - sign * (right[k] * right_inverse * right_unit);
    sum = mul_add(gap, gap, sum);
  }
  FASTNTK_UNROLL
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2)
    sum += __shfl_xor_sync(~0u, sum, lanes);
  const double bias_gap = a.v[i] - sign * b.v[j];
  return (sum + bias_gap * bias_gap) / 4;
}

// Measures the flagged cells of a warp directly. Bit (i kThreadPairs + j) 2 + e of a thread's flags
// is its row i, column e of pair j.
template <class Shape, class P>
__device__ void repair_close_pairs(const ProblemView<P>& problem, const TilePlace<Shape>& place,
                                   const Cells<P, Shape::kCols>& cells, unsigned flags) {
  constexpr double kOpposite = 1e-37;  // keeps exactly opposite rows on the obtuse side
  __syncwarp();
  unsigned lanes = __ballot_sync(~0u, flags != 0);
  while (lanes != 0) {
    const int lane = __ffs(static_cast<int>(lanes)) - 1;
    lanes &= lanes - 1;
    const int owner = threadIdx.x / kWarp * kWarp + lane;
    unsigned left = __shfl_sync(~0u, flags, lane);
    while (left != 0) {
      const int bit = __ffs(static_cast<int>(left)) - 1;
      left &= left - 1;
      const int row = Shape::thread_row(owner) + 8 * (bit / 2 / Shape::kThreadPairs);
      const int col = Shape::thread_col(owner) + 8 * (bit / 2 % Shape::kThreadPairs) + bit % 2;
      const bool obtuse = cells.at(row, col) < P(0);
      const double sign = obtuse ? -1 : 1;
      const double direct =
          problem.type == SampleType::kFloat32
              ? direct_deficit<float>(problem, place.row + row, place.col + col, sign)
              : direct_deficit<double>(problem, place.row + row, place.col + col, sign);
      __syncwarp();
      if (threadIdx.x % kWarp == 0) {
        cells.at(row, col) = static_cast<P>(obtuse ? -maximum(direct, kOpposite) : direct);
      }
    }
  }
}

// Loads stay on their side of it: unrolled loops would otherwise load everything first, into
// registers that there are not.
__device__ inline void keep_order() { asm volatile("" ::: "memory"); }

// What the cells of products hold; all threads of the block.
template <class Shape, class P, class Multiplied>
__device__ void fill_cells(const ProblemView<P>& problem, const OutputView<P>& output,
                           const TilePlace<Shape>& place, const Multiplied& product,
                           const Cells<P, Shape::kCols>& cells) {
  const int row = Shape::thread_row(threadIdx.x), col = Shape::thread_col(threadIdx.x);
  const auto each = [&](auto value) {
    FASTNTK_UNROLL
    for (int j = 0; j < Shape::kThreadPairs; ++j) {
      FASTNTK_UNROLL
      for (int e = 0; e < 2; ++e) {
        FASTNTK_UNROLL
        for (int i = 0; i < Shape::kThreadRows; ++i) {
          cells.at(row + 8 * i, col + 8 * j + e) = value(i, j, e);
          keep_order();
        }
      }
    }
  };
  const auto row_of = [&](int i) { return place.clamped_row(place.row + row + 8 * i); };
  const auto col_of = [&](int j, int e) { return place.clamped_col(place.col + col + 8 * j + e); };
  // Fixed point is not for networks without hidden layers.
  const bool linear = Shape::kProduct != Product::kSlices && problem.hidden_layers == 0;
  if constexpr (Shape::kProduct == Product::kInteger) {
    each([&](int i, int j, int e) { return cell_of_integer(product.at(i, j, e), P(0)); });
  } else if constexpr (Shape::kProduct == Product::kWideInteger) {
    each([&](int i, int j, int e) {
      const double dot = product.at(i, j, e);
      return linear ? linear_kernel(problem, output, dot, row_of(i), col_of(j, e))
                    : wide_deficit(problem, dot, row_of(i), col_of(j, e));
    });
  } else {
    static_assert(Shape::kThreadRows * Shape::kThreadPairs * 2 <= 32, "one bit per cell");
    unsigned flags = 0;
    each([&](int i, int j, int e) {
      const int at_row = row_of(i), at_col = col_of(j, e);
      const double dot = product.at(i, j, e);
      if (linear)
        return linear_kernel(problem, output, dot, at_row, at_col);
      const double p_product = problem.rows.p[at_row] * problem.cols.p[at_col];
      const double v_product = problem.rows.v[at_row] * problem.cols.v[at_col];
      // Of data without negative values no deficit is folded: one formula for all.
      const double x = folded_deficit_from_product(dot, p_product, v_product);
      const int here_row = place.row + row + 8 * i, here_col = place.col + col + 8 * j + e;
      const bool close = (x < 0 ? -x : x) < problem.close_deficit;
      if (close && place.holds(here_row, here_col) && !place.diagonal(here_row, here_col))
        flags |= 1u << ((i * Shape::kThreadPairs + j) * 2 + e);
      return static_cast<P>(x);
    });
    repair_close_pairs(problem, place, cells, flags);
  }
}

}  // namespace fastntk::cuda
