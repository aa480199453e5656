// SPDX-License-Identifier: Apache-2.0
// write_dense puts every entry of every output where it belongs, whatever the number of threads.
#include <stdexcept>

#include "check.h"
#include "formula_source.h"
#include "gram.h"
#include "rows.h"

namespace {

using namespace test;

template <class T>
void check_placement(long rows, long cols, bool symmetric, int outputs) {
  const FormulaSource<T> source(rows, cols, symmetric, outputs);
  for (const int threads : {1, 2, 3}) {
    const auto all = dense<T>(source, threads);
    long misplaced = 0;
    for (int o = 0; o < outputs; ++o) {
      for (long i = 0; i < rows; ++i) {
        for (long j = 0; j < cols; ++j)
          misplaced += !(all[o][i * cols + j] == source.entry(i, j, o));
      }
    }
    CHECK_EQUAL(misplaced, 0);
  }
}

template <class T>
void placement() {
  for (const long n : {1, 2, 15, 16, 17, 255, 256, 257, 511, 600})
    check_placement<T>(n, n, true, 1);
  for (const long n : {1, 17, 256, 300}) {
    for (const long m : {1, 16, 255, 257, 520})
      check_placement<T>(n, m, false, 1);
  }
  check_placement<T>(300, 300, true, 3);
  check_placement<T>(257, 300, false, 2);
  check_placement<T>(300, 300, false, 1);  // square, yet no transposed copies
}

// To the bit, for a real kernel, whose rows are prepared by threads too.
template <class T>
void independence_of_threads(const Kind& kind) {
  const Rows rows(kind, 900, 40, 1);
  const Network net = network(2, 0.1);
  const std::string isa = fastntk::cpu::selected_isa();
  const Samples y = rows.view(600, 300);
  for (const Samples* cols : {static_cast<const Samples*>(nullptr), &y}) {
    std::vector<std::vector<T>> first;
    for (const int threads : {1, 2, 3}) {
      const LimitingKernel<T> kernel(rows.view(0, 600), cols, 1.0, net, {ntk_shares(net)}, isa,
                                     threads);
      const auto all = dense<T>(kernel, threads);
      if (first.empty())
        first = all;
      CHECK(all == first);
    }
  }
}

class FailingSource final : public TileSource<float> {
public:
  FailingSource() : TileSource<float>(1000, 1000, true) {}
  const float* tile(long bi, long bj, float* tiles, char*) const override {
    if (bi == 1 && bj == 2)
      throw std::runtime_error("no such tile");
    return tiles;
  }
  void diagonal(float*) const override {}
  std::size_t bytes() const override { return 0; }
};

void failures_reach_the_caller() {
  CHECK_THROWS(std::runtime_error, dense<float>(FailingSource(), 1));
  CHECK_THROWS(std::runtime_error, dense<float>(FailingSource(), 3));

  const FormulaSource<float> source(300, 300, true, 2);
  std::vector<float> one(300 * 300);
  const auto& engine = fastntk::cpu::engine<float>("portable");
  CHECK_THROWS(std::invalid_argument,
               fastntk::cpu::write_dense<float>(source, {one.data()}, engine, 1, nullptr));
  const auto interrupt = [](long, long) { throw std::logic_error("interrupted"); };
  CHECK_THROWS(std::logic_error, fastntk::cpu::write_dense<float>(source, {one.data(), one.data()},
                                                                  engine, 1, interrupt));
}

}  // namespace

int main() {
  placement<float>();
  placement<double>();
  for (const Kind& kind : all_kinds()) {
    independence_of_threads<float>(kind);
    independence_of_threads<double>(kind);
  }
  failures_reach_the_caller();
  return test::summary();
}
