// SPDX-License-Identifier: Apache-2.0
// Activations and signals of made-up networks, and their tangent kernel in long double.
#pragma once

#include <cmath>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "cuda/empirical_kernel.h"
#include "cuda/stored_sources.h"
#include "emulated_gpu.h"
#include "rows.h"

namespace test {

using fastntk::MapFactors;
using fastntk::cuda::EmpiricalKernel;
using fastntk::cuda::MapRows;

// Widths before and behind a linear map; no activations: alpha is 0; no signals: width 0.
struct MapWidths {
  long activations, signals;
};

enum class Numbers { kSigned, kPositive, kEqual };

// The rows of some points in every map, a few of them zero.
template <class T>
class EmpiricalSide {
public:
  EmpiricalSide(long points, long outputs, const std::vector<MapWidths>& widths, Numbers numbers,
                std::uint64_t seed)
      : points_(points), outputs_(outputs), widths_(widths) {
    Random random(seed);
    for (const auto& [before, behind] : widths) {
      activations_.push_back(rows(points, before, numbers, random));
      signals_.push_back(rows(points * outputs, behind,
                              numbers == Numbers::kPositive ? Numbers::kSigned : numbers, random));
    }
  }

  long points() const { return points_; }
  long count() const { return points_ * outputs_; }

  std::vector<MapRows<T>> maps() const {
    std::vector<MapRows<T>> maps;
    for (std::size_t l = 0; l < widths_.size(); ++l)
      maps.push_back({view(activations_[l], points_, widths_[l].activations),
                      view(signals_[l], count(), widths_[l].signals)});
    return maps;
  }

  // Entry (i, j) of the kernel with another side.
  long double kernel(long i, const EmpiricalSide& other, long j,
                     const std::vector<MapFactors>& factors) const {
    long double sum = 0;
    for (std::size_t l = 0; l < widths_.size(); ++l) {
      const long double s = widths_[l].signals == 0
                                ? (i % outputs_ == j % outputs_ ? 1.0L : 0.0L)
                                : dot(signals_[l], i, other.signals_[l], j, widths_[l].signals);
      const long double a = dot(activations_[l], i / outputs_, other.activations_[l], j / outputs_,
                                widths_[l].activations);
      sum += s * (factors[l].alpha * a + factors[l].beta);
    }
    return sum;
  }

private:
  // One number further on than memory begins, so that no row of several is aligned by chance.
  static std::vector<T> rows(long count, long width, Numbers numbers, Random& random) {
    std::vector<T> values(1 + count * width);
    for (long i = 0; i < count; ++i) {
      for (long k = 0; k < width; ++k) {
        double value = numbers == Numbers::kEqual ? 0.7 : random.bell();
        if (numbers == Numbers::kPositive)
          value = std::max(value, 0.0);
        values[1 + i * width + k] = static_cast<T>(count > 3 && i == count - 2 ? 0 : value);
      }
    }
    return values;
  }
  static fastntk::cuda::RowView<T> view(const std::vector<T>& values, long count, long width) {
    return {width > 0 ? values.data() + 1 : nullptr, count, width};
  }
  static long double dot(const std::vector<T>& a, long i, const std::vector<T>& b, long j,
                         long width) {
    long double sum = 0;
    for (long k = 0; k < width; ++k)
      sum += static_cast<long double>(a[1 + i * width + k]) * b[1 + j * width + k];
    return sum;
  }

  long points_, outputs_;
  std::vector<MapWidths> widths_;
  std::vector<std::vector<T>> activations_, signals_;
};

struct EmpiricalShape {
  long points, others;  // others == 0: symmetric
  long outputs;
  std::vector<MapWidths> widths;
  Numbers numbers;
};

inline std::ostream& operator<<(std::ostream& out, const EmpiricalShape& shape) {
  out << shape.points << " x " << shape.others << " points, " << shape.outputs
      << " outputs, widths";
  for (const auto& [before, behind] : shape.widths)
    out << ' ' << before << '-' << behind;
  return out << ", numbers " << static_cast<int>(shape.numbers);
}

// Both sides of a kernel, with factors as the NTK parametrisation has them.
template <class T>
class EmpiricalProblem {
public:
  explicit EmpiricalProblem(const EmpiricalShape& shape)
      : shape_(shape), rows_(shape.points, shape.outputs, shape.widths, shape.numbers, 1),
        cols_(std::max(shape.others, 1L), shape.outputs, shape.widths, shape.numbers, 2) {
    for (const auto& [before, behind] : shape.widths)
      factors_.push_back({before > 0 ? 1.0 / static_cast<double>(before) : 0.0, 0.01});
  }

  const EmpiricalShape& shape() const { return shape_; }
  long rows() const { return rows_.count(); }
  long cols() const { return right().count(); }

  EmpiricalKernel<T> kernel() const {
    return {rows_.points(), rows_.maps(),
            shape_.others,  shape_.others > 0 ? cols_.maps() : std::vector<MapRows<T>>{},
            factors_,       shape_.outputs,
            gpu()};
  }

  // Errors of K [rows, cols] relative to sqrt(K_ii K_jj), the largest of every `stride`-th row; of an
  // entry that should be zero with both of these, infinite unless it is.
  double largest_error(const std::vector<T>& K, long stride = 1) const {
    std::vector<long double> scale(cols());
    for (long j = 0; j < cols(); ++j)
      scale[j] = right().kernel(j, right(), j, factors_);
    long double largest = 0;
    for (long i = (rows() - 1) % stride; i < rows(); i += stride) {
      const long double own = rows_.kernel(i, rows_, i, factors_);
      for (long j = 0; j < cols(); ++j) {
        const long double difference =
            std::abs(K[i * cols() + j] - rows_.kernel(i, right(), j, factors_));
        const long double error = difference == 0 ? 0 : difference / std::sqrt(own * scale[j]);
        largest = error <= largest ? largest : error;  // NaN is the largest
      }
    }
    return static_cast<double>(largest);
  }

private:
  const EmpiricalSide<T>& right() const { return shape_.others > 0 ? cols_ : rows_; }

  EmpiricalShape shape_;
  EmpiricalSide<T> rows_, cols_;
  std::vector<MapFactors> factors_;
};

template <class T>
std::vector<T> whole(const EmpiricalKernel<T>& kernel) {
  std::vector<T> K(kernel.rows() * kernel.cols(), T(NAN));
  kernel.write_dense({K.data()}, gpu());
  return K;
}

template <class T, class V>
std::vector<double> times(const EmpiricalKernel<T>& kernel, const std::vector<V>& v, long k) {
  std::vector<double> y(kernel.rows() * k, NAN);
  kernel.multiply(v.data(), y.data(), k, gpu());
  return y;
}

}  // namespace test
