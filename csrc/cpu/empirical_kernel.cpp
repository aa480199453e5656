// SPDX-License-Identifier: Apache-2.0
#include "cpu/empirical_kernel.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// The largest of values that are not negative, and of one more; NaN where one is.
double largest_or_nan(const std::vector<double>& values, double largest) {
  for (const double value : values) {
    if (!(value <= largest) && !std::isnan(largest))
      largest = value;
  }
  return largest;
}

}  // namespace

template <class T>
EmpiricalKernel<T>::EmpiricalKernel(long row_points, const std::vector<MapRows<T>>& rows,
                                    long col_points, const std::vector<MapRows<T>>& cols,
                                    const std::vector<MapFactors>& factors, long outputs,
                                    const std::string& isa, int threads)
    : TileSource<T>(row_points * outputs, (cols.empty() ? row_points : col_points) * outputs,
                    cols.empty()),
      isa_(isa), engine_(&engine<T>(isa)), maps_(factors.size()) {
  check_maps(rows, row_points, cols, col_points, factors, outputs);
  std::vector<PairToPack<T>> pairs;
  const auto add = [&](std::optional<PackedPair<T>>& to, const RowView<T>& of_rows,
                       const RowView<T>& of_cols) {
    if (of_rows.data != nullptr)
      pairs.push_back({of_rows, of_cols, &to.emplace()});
  };
  for (std::size_t l = 0; l < factors.size(); ++l) {
    const MapRows<T> other = cols.empty() ? MapRows<T>{} : cols[l];
    if (factors[l].alpha != 0)
      add(maps_[l].activations, rows[l].activations, other.activations);
    add(maps_[l].signals, rows[l].signals, other.signals);
  }
  memory_ = pack_pairs(pairs, kLargestError, *engine_, threads);
  plan_ = {{}, this->rows(), this->cols(), outputs, nullptr};
  for (std::size_t l = 0; l < factors.size(); ++l) {
    const auto& [activations, signals] = maps_[l];
    plan_.terms.push_back(
        {factors[l].alpha, factors[l].beta, activations ? &activations->rows : nullptr,
         activations ? &activations->right() : nullptr, signals ? &signals->rows : nullptr,
         signals ? &signals->right() : nullptr});
  }
  const std::vector<double> own = self_kernel(true, this->rows());
  largest_diagonal_ = largest_or_nan(own, 0);
  if (this->symmetric()) {
    diagonal_ = AlignedBuffer<T>(round_up(this->rows(), kTile));
    std::transform(own.begin(), own.end(), diagonal_.data(),
                   [](double value) { return static_cast<T>(value); });
    plan_.diagonal = &diagonal_;
  } else {
    largest_diagonal_ = largest_or_nan(self_kernel(false, this->cols()), largest_diagonal_);
  }
}

template <class T>
std::vector<double> EmpiricalKernel<T>::self_kernel(bool rows, long count) const {
  std::vector<double> sums(count, 0.0);
  for (const EmpiricalTerm<T>& term : plan_.terms) {
    const PackedRows<T>* activations = rows ? term.row_activations : term.col_activations;
    const PackedRows<T>* signals = rows ? term.row_signals : term.col_signals;
    for (long i = 0; i < count; ++i) {
      const double a = activations ? activations->norm(i / plan_.outputs) : 0;
      const double d = signals ? signals->norm(i) : 1;
      sums[i] += d * (term.alpha * a + term.beta);
    }
  }
  return sums;
}

template <class T>
void EmpiricalKernel<T>::diagonal(T* to) const {
  require(this->symmetric(), "only a symmetric matrix has this diagonal");
  std::copy_n(diagonal_.data(), this->rows(), to);
}

template <class T>
std::size_t EmpiricalKernel<T>::bytes() const {
  std::size_t sum = diagonal_.bytes() + memory_.bytes();
  for (const MapPanels& map : maps_) {
    for (const auto* pair : {&map.activations, &map.signals}) {
      if (*pair)
        sum += (*pair)->rows.bytes() + (*pair)->cols.bytes();
    }
  }
  return sum;
}

template <class T>
std::vector<typename EmpiricalKernel<T>::MapRoute> EmpiricalKernel<T>::route() const {
  std::vector<MapRoute> routes(maps_.size());
  for (std::size_t l = 0; l < maps_.size(); ++l) {
    if (maps_[l].activations)
      routes[l].activations = maps_[l].activations->rows.product();
    if (maps_[l].signals)
      routes[l].signals = maps_[l].signals->rows.product();
  }
  return routes;
}

template class EmpiricalKernel<float>;
template class EmpiricalKernel<double>;

}  // namespace fastntk::cpu
