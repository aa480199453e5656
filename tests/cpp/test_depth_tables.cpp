// SPDX-License-Identifier: Apache-2.0
// Kernels from tables in place of the layers: against the reference, and against the layers.
#include <cmath>

#include "check.h"
#include "cpu/tile.h"
#include "gram.h"
#include "kernel_problem.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::SampleType;
using fastntk::cpu::kTileArea;

constexpr long kRows = 257, kCols = 256, kColumns = 40;
static_assert(kRows * kCols >= kTileArea, "fewer entries are not worth a table");
constexpr double kEqualNormBias = 0.3;

// Every layer mixes all rows alike without biases, and rows of equal norm with them too.
double bias_of(const Kind& kind) { return kind.equal_norms ? kEqualNormBias : 0.0; }

// The NTK, the NNGP and what some of the layers add to the former.
std::vector<TrainedShares> outputs_of(const Network& net) {
  std::vector<TrainedShares> outputs = {ntk_shares(net), nngp_shares(net)};
  const std::size_t maps = net.maps.size();
  for (const std::size_t l : {std::size_t{0}, std::size_t{1}, maps / 2}) {
    TrainedShares one{std::vector<double>(maps, 0.0), std::vector<double>(maps, 0.0)};
    one.weights[l] = one.biases[l] = 1.0;
    outputs.push_back(one);
  }
  return outputs;
}

// One layer is too steep for a table, and thirty without biases are so near x = 0.
bool expected_for(const Kind& kind, int depth) {
  return depth > 1 && (depth < 30 || kind.equal_norms);
}

template <class T>
bool tabulated(const Kind& kind, long count, int depth) {
  const Rows rows(kind, kRows, kColumns, 1);
  const Network net = network(depth, bias_of(kind));
  const Samples x = rows.view(0, kRows), y = rows.view(0, count);
  return LimitingKernel<T>(x, &y, scale_of(kind), net, {ntk_shares(net), nngp_shares(net)},
                           fastntk::cpu::selected_isa(), 1)
      .route()
      .tabulated;
}

void when() {
  for (const Kind& kind : all_kinds()) {
    for (const int depth : {1, 2, 3, 9, 30}) {
      CHECK_EQUAL(tabulated<float>(kind, kCols, depth), expected_for(kind, depth));
      CHECK_EQUAL(tabulated<double>(kind, kCols, depth), expected_for(kind, depth));
    }
    CHECK(!tabulated<float>(kind, 100, 3));  // too few entries
  }
  // Rows of different norms are mixed differently with biases.
  const Kind kind{SampleType::kFloat32, true, false};
  const Rows rows(kind, kRows, kColumns, 1);
  const Network net = network(3, 0.1);
  CHECK(!LimitingKernel<float>(rows.view(0, kRows), nullptr, 1.0, net, {ntk_shares(net)},
                               "portable", 1)
             .route()
             .tabulated);
}

void against_the_reference() {
  for (const Kind& kind : all_kinds()) {
    const Rows rows(kind, kRows + kCols, kColumns, 2);
    const Samples x = rows.view(0, kRows), y = rows.view(kRows, kCols);
    for (const int depth : {3, 30}) {
      const Network net = network(depth, bias_of(kind));
      check_problem({kind_name(kind), x, nullptr, scale_of(kind), net});
    }
    for (const int depth : {1, 9}) {
      const Network net = network(depth, bias_of(kind));
      check_problem({kind_name(kind), x, &y, scale_of(kind), net});
    }
  }
}

// Largest difference of K [kRows, kRows] from L [kRows, few], relative to the diagonal.
template <class T>
double difference(const std::vector<T>& K, const std::vector<T>& L, long few) {
  double worst = 0;
  for (long i = 0; i < kRows; ++i) {
    for (long j = 0; j < few; ++j) {
      const double size = std::sqrt(K[i * kRows + i]) * std::sqrt(K[j * kRows + j]);
      const double apart = std::abs(K[i * kRows + j] - L[i * few + j]);
      worst = std::max(worst, size > 0 ? apart / size : apart);
    }
  }
  return worst;
}

// The same pairs as part of fewer entries, for which the layers are run. Sets take turns.
template <class T>
void against_the_layers() {
  constexpr long kFew = 100;
  const std::vector<std::string> sets = fastntk::cpu::supported_isas();
  std::size_t turn = 0;
  long compared = 0;
  for (const Kind& kind : all_kinds()) {
    const Rows rows(kind, kRows, kColumns, 3);
    const Samples x = rows.view(0, kRows), few = rows.view(0, kFew);
    for (const int depth : {2, 3, 9, 30}) {
      const Network net = network(depth, bias_of(kind), 1.2);
      for (const TrainedShares& output : outputs_of(net)) {
        const std::string& isa = sets[turn++ % sets.size()];
        const LimitingKernel<T> many(x, nullptr, scale_of(kind), net, {output}, isa, 1);
        if (!many.route().tabulated)
          continue;
        ++compared;
        const LimitingKernel<T> layered(x, &few, scale_of(kind), net, {output}, isa, 1);
        CHECK(!layered.route().tabulated);
        // Each is within its gate of the truth.
        CHECK_AT_MOST(difference(dense<T>(many, 1, isa)[0], dense<T>(layered, 1, isa)[0], kFew),
                      2 * gate<T>(kind.type, depth), isa);
      }
    }
  }
  CHECK_AT_MOST(100, compared, "tabulated kernels");
}

}  // namespace

int main() {
  when();
  against_the_reference();
  against_the_layers<float>();
  against_the_layers<double>();
  return test::summary();
}
