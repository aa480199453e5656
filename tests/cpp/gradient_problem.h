// SPDX-License-Identifier: Apache-2.0
// The check of a kernel and its derivatives against differences of the reference.
#pragma once

#include <string>
#include <vector>

#include "common/row_gradient.h"
#include "kernel_problem.h"

namespace test {

// An entry with its derivatives, and what errors of these are relative to.
struct GradientProbe {
  Probe entry;
  Real by[fastntk::kParameters];
  Real scale[fastntk::kParameters];
};

std::vector<GradientProbe> gradient_probes(const Problem& problem, bool nngp);

// outputs: the kernel and its derivatives, as an engine has written them.
template <class T>
void check_gradients(const Problem& problem, bool nngp, const std::vector<GradientProbe>& expected,
                     const std::vector<std::vector<T>>& outputs, const std::string& engine);

// Data of several kinds and shapes, with networks of both activations: f(problem, nngp).
template <class F>
void for_gradient_problems(F f) {
  std::size_t turn = 0;
  const std::vector<Network> nets = {
      network(1, 0.1), network(3, 0.3, 1.4), network(4, 0.0),
      network(0, 0.1), network(0, 0.0),      network(2, 0.2, 1.2, fastntk::ActivationKind::kErf)};
  for (const Kind& kind : all_kinds()) {
    for (const long cols : {0L, 37L}) {
      const Rows rows(kind, 70 + cols, 33, 5);
      const Samples x = rows.view(0, 70), y = rows.view(70, cols);
      for (int two = 0; two < 2; ++two) {
        const Network& net = nets[turn++ % nets.size()];
        f(Problem{kind_name(kind), x, cols > 0 ? &y : nullptr, scale_of(kind), net}, two == 1);
      }
    }
    ++turn;
  }
}

}  // namespace test
