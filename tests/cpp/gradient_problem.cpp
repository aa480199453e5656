// SPDX-License-Identifier: Apache-2.0
#include "gradient_problem.h"

#include <cmath>

#include "check.h"

namespace test {

namespace {

using fastntk::kBiasStd;
using fastntk::kParameters;
using fastntk::LinearMap;

// Of the difference of fourth order: (10 kStep)^4 in networks so deep, and a rounding of the varied
// parameter, a double, over kStep.
constexpr double kStep = 2e-4;
constexpr double kDifferenceError = 2e-11;

double& parameter_of(LinearMap& map, int parameter) {
  return parameter == kBiasStd ? map.bias_std : map.weight_std;
}

// The reference of the network whose parameter is `factor` times as large, in all maps.
Reference varied(const Problem& problem, int parameter, double factor) {
  Network net = problem.net;
  for (LinearMap& map : net.maps)
    parameter_of(map, parameter) *= factor;
  return {problem.x, problem.y, problem.scale, net};
}

}  // namespace

std::vector<GradientProbe> gradient_probes(const Problem& problem, bool nngp) {
  std::vector<GradientProbe> all;
  for (const Probe& probe : probes(problem))
    all.push_back({probe, {}, {}});
  for (int p = 0; p < kParameters; ++p) {
    Network net = problem.net;
    const double at = parameter_of(net.maps[0], p);
    if (at == 0)
      continue;  // K is an even function of it
    const Reference up = varied(problem, p, 1 + kStep),
                    up_twice = varied(problem, p, 1 + 2 * kStep);
    const Reference down = varied(problem, p, 1 - kStep),
                    down_twice = varied(problem, p, 1 - 2 * kStep);
    for (GradientProbe& probe : all) {
      const auto value = [&](const Reference& reference) {
        const Entry entry = reference.entry(probe.entry.i, probe.entry.j);
        return nngp ? entry.nngp : entry.ntk;
      };
      probe.by[p] = (8 * (value(up) - value(down)) - (value(up_twice) - value(down_twice))) /
                    (12 * Real(kStep) * at);
      const Entry& size = probe.entry.denominator;
      probe.scale[p] = std::max((nngp ? size.nngp : size.ntk) / at, std::abs(probe.by[p]));
    }
  }
  return all;
}

template <class T>
void check_gradients(const Problem& problem, bool nngp, const std::vector<GradientProbe>& expected,
                     const std::vector<std::vector<T>>& outputs, const std::string& engine) {
  const std::string what = problem.name + ", " + engine;
  const long n = problem.rows(), m = problem.cols();
  CHECK_EQUAL(outputs.size(), std::size_t{1 + kParameters});
  const auto at = [&](int output, long i, long j) { return outputs[output][i * m + j]; };
  for (int o = 0; o < 1 + kParameters; ++o) {
    for (long i = 0; i < n; ++i) {
      for (long j = 0; j < m; ++j) {
        CHECK(std::isfinite(at(o, i, j)));
        CHECK(problem.y != nullptr || at(o, i, j) == at(o, j, i));
      }
    }
  }
  const double rounding = sizeof(T) == sizeof(float) ? 6e-8 : 0;
  for (const GradientProbe& probe : expected) {
    const long i = probe.entry.i, j = probe.entry.j;
    const Real kernel = nngp ? probe.entry.value.nngp : probe.entry.value.ntk;
    const Real size = nngp ? probe.entry.denominator.nngp : probe.entry.denominator.ntk;
    CHECK_AT_MOST(std::abs(at(0, i, j) - kernel),
                  gate<T>(problem.x.type, problem.net.hidden_layers()) * size, what);
    for (int p = 0; p < kParameters; ++p)
      CHECK_AT_MOST(std::abs(at(1 + p, i, j) - probe.by[p]),
                    (kDifferenceError + rounding) * probe.scale[p], what);
  }
}

template void check_gradients(const Problem&, bool, const std::vector<GradientProbe>&,
                              const std::vector<std::vector<float>>&, const std::string&);
template void check_gradients(const Problem&, bool, const std::vector<GradientProbe>&,
                              const std::vector<std::vector<double>>&, const std::string&);

}  // namespace test
