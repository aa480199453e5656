// SPDX-License-Identifier: Apache-2.0
// Everything in device memory that the tiles of a limiting Gram matrix are computed from, in the
// type P that the recursion runs in; twin of cpu/limiting_tiles.h.
//
// Preparing reads the data three times: a survey of the columns and rows, whose few numbers the host
// waits for and chooses by, the row steps of all layers, and the packing.
#pragma once

#include <vector>

#include "common/limiting_plan.h"
#include "common/network.h"
#include "cuda/context.h"
#include "cuda/problem.h"

namespace fastntk::cuda {

template <class P>
class LimitingProblem {
public:
  // Samples in device memory. y == nullptr: symmetric. Both must outlive the problem.
  LimitingProblem(const Samples& x, const Samples* y, double scale, const Network& network,
                  const std::vector<TrainedShares>& outputs, const Context& context);

  ProblemView<P> view() const;
  OutputView<P> output(int o) const;
  int outputs() const;
  std::size_t bytes() const;

  // NaN or infinity, where a diagonal entry is none or too large for a double.
  double largest_diagonal() const;
  // The largest |Theta_ii / q_i| of both sides, of output 0; 1 at least.
  double largest_normalised_diagonal() const;

  Product product() const;
  long columns() const;  // those not zero in all rows of one side
  long data_columns() const;
  const std::vector<LayerPlan>& layers() const;
  bool tabulated() const;
};

}  // namespace fastntk::cuda
