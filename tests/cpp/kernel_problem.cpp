// SPDX-License-Identifier: Apache-2.0
#include "kernel_problem.h"

#include <cmath>
#include <limits>
#include <ostream>
#include <set>
#include <utility>

#include "check.h"
#include "reference.h"
#include "rows.h"

namespace test {

using fastntk::cpu::kTile;

namespace {

std::ostream& operator<<(std::ostream& out, const Problem& problem) {
  out << problem.name << ", " << problem.rows() << " x " << problem.cols() << ", "
      << problem.x.columns << " columns, " << problem.net.hidden_layers() << " hidden layers, bias "
      << problem.net.maps[0].bias_std;
  return out;
}

}  // namespace

const std::vector<Network>& networks() {
  static const std::vector<Network> kNetworks = [] {
    std::vector<Network> all;
    for (const int depth : {0, 1, 3, 5}) {
      for (const double bias_std : {0.0, 0.1})
        all.push_back(network(depth, bias_std));
    }
    return all;
  }();
  return kNetworks;
}

std::vector<Probe> probes(const Problem& problem) {
  constexpr long kAlong = 20, kOthers = 40, kSpecialPairs = 10;
  const long n = problem.rows(), m = problem.cols();
  std::set<std::pair<long, long>> at;
  const auto edges = [](long count) {
    std::vector<long> all = {0, count / 2, count - 1};
    for (const long edge : {kTile - 1, kTile}) {
      if (edge < count)
        all.push_back(edge);
    }
    return all;
  };
  for (const long i : edges(n)) {
    for (const long j : edges(m))
      at.insert({i, j});
  }
  for (long j = 0; j < m; j += std::max(1L, m / kAlong))
    at.insert({n - 1, j});
  for (long i = 0; i < n; i += std::max(1L, n / kAlong))
    at.insert({i, m - 1});
  for (long k = 0; k < std::min({kSpecialPairs, n, m}); ++k) {
    at.insert({k, m - 1 - k});
    at.insert({k, k});
  }
  Random random(static_cast<std::uint64_t>(n * 1000 + m));
  for (long s = 0; s < std::min(kOthers, n * m / 2); ++s)
    at.insert({random.below(n), random.below(m)});

  const Reference reference(problem.x, problem.y, problem.scale, problem.net);
  std::vector<Probe> all;
  for (const auto& [i, j] : at) {
    const Reference::Measured measured = reference.measured(i, j);
    all.push_back({i, j, measured.value, measured.denominator});
  }
  return all;
}

namespace {

// Relative to the denominator; what must be 0 has no tolerance.
Real error_of(Real actual, Real expected, Real denominator) {
  const Real difference = std::abs(actual - expected);
  if (denominator == 0)
    return difference == 0 ? 0 : std::numeric_limits<Real>::infinity();
  return difference / denominator;
}

struct Setting {
  const Problem& problem;
  const std::string& engine;
  const char* type;
  long i = -1, j = -1;
};

std::ostream& operator<<(std::ostream& out, const Setting& setting) {
  out << setting.engine << ", " << setting.type << ", " << setting.problem;
  if (setting.i >= 0)
    out << ", entry (" << setting.i << ", " << setting.j << ")";
  return out;
}

}  // namespace

template <class T>
void check_computed(const Problem& problem, const std::vector<Probe>& expected,
                    const Computed<T>& computed, const std::string& engine) {
  Setting setting{problem, engine, std::is_same_v<T, float> ? "float" : "double"};
  const auto& both = computed.kernels;
  const long n = problem.rows(), m = problem.cols();
  const double bound = gate<T>(problem.x.type, problem.net.hidden_layers());
  for (const Probe& probe : expected) {
    setting.i = probe.i;
    setting.j = probe.j;
    const long cell = probe.i * m + probe.j;
    CHECK_AT_MOST(error_of(both[0][cell], probe.value.ntk, probe.denominator.ntk), bound, setting);
    CHECK_AT_MOST(error_of(both[1][cell], probe.value.nngp, probe.denominator.nngp), bound,
                  setting);
  }
  setting.i = setting.j = -1;
  long strange = 0, asymmetric = 0, off_diagonal = 0;
  for (const std::vector<T>& one : both)
    strange += std::count_if(one.begin(), one.end(), [](T value) { return !std::isfinite(value); });
  if (problem.y == nullptr) {
    for (long i = 0; i < n; ++i) {
      off_diagonal += computed.diagonal[i] != both[0][i * n + i];
      for (long j = 0; j < i; ++j)
        asymmetric +=
            both[0][i * n + j] != both[0][j * n + i] || both[1][i * n + j] != both[1][j * n + i];
    }
  }
  CHECK_AT_MOST(strange, 0, setting);
  CHECK_AT_MOST(asymmetric, 0, setting);
  CHECK_AT_MOST(off_diagonal, 0, setting);
}

template void check_computed(const Problem&, const std::vector<Probe>&, const Computed<float>&,
                             const std::string&);
template void check_computed(const Problem&, const std::vector<Probe>&, const Computed<double>&,
                             const std::string&);

namespace {

template <class T>
void check_on_cpu(const Problem& problem, const std::vector<Probe>& expected,
                  const std::string& isa, int threads) {
  const LimitingKernel<T> kernel(problem.x, problem.y, problem.scale, problem.net,
                                 {ntk_shares(problem.net), nngp_shares(problem.net)}, isa, threads);
  Computed<T> computed{dense<T>(kernel, threads, isa), {}};
  if (problem.y == nullptr) {
    computed.diagonal.resize(problem.rows());
    kernel.diagonal(computed.diagonal.data());
  }
  check_computed(problem, expected, computed, isa);
}

}  // namespace

void check_problem(const Problem& problem) {
  static int threads = 0;
  const std::vector<Probe> expected = probes(problem);
  for (const std::string& isa : fastntk::cpu::supported_isas()) {
    threads = threads % 3 + 1;
    check_on_cpu<float>(problem, expected, isa, threads);
    check_on_cpu<double>(problem, expected, isa, threads);
  }
}

}  // namespace test
