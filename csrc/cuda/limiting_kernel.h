// SPDX-License-Identifier: Apache-2.0
// The limiting NTK, NNGP or any share of them between the rows of X and of Y on a GPU; twin of
// cpu/limiting_kernel.h, and it chooses the type of the recursion as that one does.
#pragma once

#include <memory>

#include "cuda/limiting_problem.h"
#include "cuda/tile_sink.h"
#include "cuda/tile_source.h"

namespace fastntk::cuda {

// What was chosen for some data.
struct Route {
  Product product;
  bool double_recursion;
  bool tabulated;     // one function of the angle in place of the layers
  long columns;       // multiplied
  long data_columns;  // of the data
  std::vector<LayerPlan> layers;
};

template <class T>
class LimitingKernel final : public TileSource<T> {
public:
  // Samples in device memory. cols == nullptr: symmetric. Both must outlive the kernel.
  //
  // batch: rows and columns are those of so many problems of one shape, one after the other.
  // rows(), cols() and route() are then those of each, arrays for results begin with an axis for the
  // batch, and there are no packed triangles and no products with vectors.
  LimitingKernel(const Samples& rows, const Samples* cols, double scale, const Network& network,
                 const std::vector<TrainedShares>& outputs, const Context& context, int batch = 1);

  int batch() const override { return batch_; }

  int outputs() const override { return outputs_; }
  void write_dense(const std::vector<T*>& to, const Context& context) const override;
  void write_packed(T* to, const Context& context) const override;
  void multiply(const float* v, double* y, long k, const Context& context) const override;
  void multiply(const double* v, double* y, long k, const Context& context) const override;
  void diagonal(T* to, const Context& context) const override;
  std::size_t bytes() const override;

  Route route() const;
  double largest_diagonal() const;

private:
  // Calls f with the problem that there is.
  template <class F>
  auto visit(F f) const {
    return wide_ ? f(*wide_) : f(*same_);
  }
  void write(int output, const DenseSink& to, const Context& context) const;
  template <class V>
  void times(const V* v, double* y, long k, const Context& context) const;

  int outputs_;
  int batch_;
  std::unique_ptr<LimitingProblem<T>> same_;
  std::unique_ptr<LimitingProblem<double>> wide_;
};

}  // namespace fastntk::cuda
