// SPDX-License-Identifier: Apache-2.0
#include "cpu/float_recursion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/product_choice.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// A tile of pairs of rows: each of a few variances with each, at kAngles angles.
constexpr long kVariances = 8;
constexpr long kAcross = kTile / kVariances;  // angles of a pair of variances in a row of the tile
constexpr long kAngles = kAcross * kAcross;

long variance_of_row(long i) { return i % kVariances; }
long variance_of_col(long j) { return j / kAcross; }
long angle_of(long i, long j) { return i / kVariances * kAcross + j % kAcross; }

// The least, the largest and quantiles of both sides' variances.
std::vector<double> typical_variances(const std::vector<double>& rows,
                                      const std::vector<double>& cols) {
  constexpr long kSample = 4096;
  std::vector<double> sample;
  for (const std::vector<double>* side : {&rows, &cols}) {
    const auto ends = std::minmax_element(side->begin(), side->end());
    sample.insert(sample.end(), {*ends.first, *ends.second});
    const long count = static_cast<long>(side->size());
    for (long s = 0; s < std::min(count, kSample); ++s)
      sample.push_back((*side)[s * count / std::min(count, kSample)]);
  }
  std::sort(sample.begin(), sample.end());
  std::vector<double> typical;
  for (long k = 0; k < kVariances; ++k)
    typical.push_back(sample[k * (static_cast<long>(sample.size()) - 1) / (kVariances - 1)]);
  return typical;
}

// Deficits, folded: from 1e-30 to 1/2 in equal ratios, and for data with obtuse angles every other one
// of their supplements.
std::vector<float> typical_deficits(bool acute) {
  constexpr double kLeast = 1e-30, kMost = 0.5;
  std::vector<float> deficits;
  for (long k = 0; k < kAngles; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(kAngles - 1);
    const auto x = static_cast<float>(kLeast * std::pow(kMost / kLeast, share));
    deficits.push_back(acute || k % 2 == 0 ? x : -x);
  }
  return deficits;
}

// What the recursion makes of a tile of deficits.
template <class P>
class Recursion {
public:
  Recursion(const Network& network, const std::vector<TrainedShares>& outputs,
            const std::vector<LayerPlan>& layers, const std::vector<double>& variances,
            const std::string& isa)
      : rows_(network, outputs, of_tile(variances, variance_of_row), 1),
        cols_(network, outputs, of_tile(variances, variance_of_col), 1), layers_(layers),
        shares_(shares_in<P>(outputs)), engine_(engine<P>(isa)) {}

  // Theta / sqrt(q q') of an output, in place of the deficits; by a table, or the layers.
  void run(std::size_t output, const DepthTable<P>* table, std::vector<P>& cells) const {
    engine_.limiting_layers({&rows_, &cols_, &layers_, shares_[output].data(), table},
                            cells.data());
  }
  // sqrt(t_ii t_jj) of t = Theta / sqrt(q q').
  double size(std::size_t output, long i, long j) const {
    return std::sqrt(normalised(rows_, output, i) * normalised(cols_, output, j));
  }

private:
  template <class Of>
  static std::vector<double> of_tile(const std::vector<double>& variances, const Of& of) {
    std::vector<double> all;
    for (long i = 0; i < kTile; ++i)
      all.push_back(variances[of(i)]);
    return all;
  }
  static double normalised(const RowTable<P>& table, std::size_t output, long i) {
    const double scale = table.scale[i];
    return scale == 0 ? 0 : table.diagonals[output][i] / scale / scale;
  }

  RowTable<P> rows_, cols_;
  const std::vector<LayerPlan>& layers_;
  std::vector<std::vector<Shares<P>>> shares_;
  const Engine<P>& engine_;
};

}  // namespace

double float_recursion_error(const LimitingPlan<float>& plan, const Network& network,
                             const std::vector<TrainedShares>& outputs, const std::string& isa) {
  const std::vector<double> variances =
      typical_variances(plan.rows->weight_variances, plan.cols->weight_variances);
  const Recursion<float> floats(network, outputs, plan.layers, variances, isa);
  const Recursion<double> doubles(network, outputs, plan.layers, variances, isa);
  const std::vector<float> x = typical_deficits(plan.layers.front().angle_level != kFolded);
  double largest = 0;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    std::vector<float> rounded(kTileArea);
    std::vector<double> exact(kTileArea), shifted(kTileArea);
    for (long cell = 0; cell < kTileArea; ++cell) {
      const float own = x[angle_of(cell / kTile, cell % kTile)];
      rounded[cell] = own;
      exact[cell] = own;
      const double size = std::fabs(own);
      shifted[cell] =
          own - std::copysign(float_deficit_error(plan.product, plan.close_deficit, size), own);
    }
    floats.run(o, plan.tables.empty() ? nullptr : &plan.tables[o], rounded);
    doubles.run(o, nullptr, exact);
    doubles.run(o, nullptr, shifted);
    for (long cell = 0; cell < kTileArea; ++cell) {
      const double size = doubles.size(o, cell / kTile, cell % kTile);
      if (size == 0)  // a row of zeros
        continue;
      const double of_deficit = std::fabs(shifted[cell] - exact[cell]);
      const double error = (std::fabs(rounded[cell] - exact[cell]) + of_deficit) / size;
      if (!(error <= kFloatRecursionError))
        return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
      largest = std::max(largest, error);
    }
  }
  return largest;
}

}  // namespace fastntk::cpu
