// SPDX-License-Identifier: Apache-2.0
// Everything in device memory that the tiles of a limiting Gram matrix are computed from, in the
// type P that the recursion runs in; twin of cpu/limiting_tiles.h.
//
// Preparing reads the data to survey the columns, to measure the rows and to pack them. The row steps
// of all layers need no more than the measures, so the host waits once, for the few numbers of
// data_summary.h, and then chooses the product and plans the layers.
#pragma once

#include <memory>
#include <vector>

#include "common/limiting_plan.h"
#include "common/network.h"
#include "cuda/context.h"
#include "cuda/gradient_kernel.h"
#include "cuda/problem.h"
#include "cuda/side.h"

namespace fastntk::cuda {

template <class P>
class LimitingProblem {
public:
  // Samples in device memory. y == nullptr: symmetric. Both must outlive the problem. Throws
  // std::invalid_argument if they hold NaN or infinity.
  LimitingProblem(const Samples& x, const Samples* y, double scale, const Network& network,
                  const std::vector<TrainedShares>& outputs, const Context& context)
      : LimitingProblem(x, y, scale, network, outputs, Derivatives::kNone, context) {}
  // The same with what derivatives of the only output take.
  LimitingProblem(const Samples& x, const Samples* y, double scale, const Network& network,
                  const std::vector<TrainedShares>& outputs, Derivatives derivatives,
                  const Context& context);

  // As one matrix, or as so many of which each has its part of the rows.
  ProblemView<P> view(int batch = 1) const;
  OutputView<P> output(int o) const;
  GradientView gradient(int parameter) const;
  int outputs() const { return static_cast<int>(all_trained_.size()); }
  std::size_t bytes() const;

  // NaN or infinity, where a diagonal entry is none or too large for a double.
  double largest_diagonal() const { return largest_diagonal_; }
  // The largest |Theta_ii / q_i| of both sides, of output 0; 1 at least.
  double largest_normalised_diagonal() const { return largest_normalised_diagonal_; }

  Product product() const { return product_; }
  long columns() const { return columns_; }  // those not zero in all rows of one side
  long data_columns() const { return data_columns_; }
  const std::vector<LayerPlan>& layers() const { return layers_; }
  bool tabulated() const { return tables_.size() > 0; }

private:
  // Of an activation that is one: where the network has it, and its copy.
  struct ActivationTable {
    const double* host;
    DeviceArray<double> device;
  };

  void upload_activation_tables(const Network& network, const Context& context);
  Activation on_device(Activation activation) const;
  // What the survey found; pack() then chooses by it.
  void survey(const Samples& x, const Samples* y, const Network& network,
              const std::vector<TrainedShares>& outputs, const Context& context,
              DataSummary& summary);
  void choose(const Samples& x, const Samples* y, const DataSummary& summary);
  void pack(const DataSummary& summary, const Context& context);
  void plan(long rows, long cols, const Network& network, const std::vector<TrainedShares>& outputs,
            const DataSummary& summary, const Context& context);

  Derivatives derivatives_;
  SampleType type_;
  long data_columns_;
  int hidden_layers_;
  bool any_network_;  // beyond ReLU and erf
  std::vector<ActivationTable> activation_tables_;
  InputLayer input_;
  std::unique_ptr<Side<P>> rows_;
  std::unique_ptr<Side<P>> cols_;
  double largest_diagonal_;
  double largest_normalised_diagonal_;
  Product product_;
  long columns_;
  DeviceArray<int> used_columns_;  // empty: all of them
  std::vector<LayerPlan> layers_;
  DeviceArray<LayerStep> steps_;
  DeviceArray<Shares<P>> shares_;  // [outputs][hidden_layers + 1]
  std::vector<bool> all_trained_;
  DeviceArray<P> tables_;  // [outputs][acute, obtuse if folded]; empty: layers run
};

}  // namespace fastntk::cuda
