// SPDX-License-Identifier: Apache-2.0
// A limiting kernel and its derivatives by weight_std and by bias_std, those of all linear maps at
// once; twin of cpu/limiting_gradients.h. Each matrix has its own launch, as several kernels have.
#pragma once

#include <vector>

#include "cuda/limiting_problem.h"

namespace fastntk::cuda {

template <class T>
class LimitingGradients {
public:
  // Samples in device memory. cols == nullptr: symmetric. Both must outlive the object.
  LimitingGradients(const Samples& rows, const Samples* cols, double scale, const Network& network,
                    bool nngp, const Context& context);

  long rows() const { return rows_; }
  long cols() const { return cols_; }
  bool symmetric() const { return symmetric_; }
  // to[3]: [rows, cols] of the kernel, of d / d weight_std and of d / d bias_std, row-major,
  // contiguous, device memory.
  void write_dense(const std::vector<T*>& to, const Context& context) const;
  std::size_t bytes() const { return problem_.bytes(); }
  // Of the three matrices, in magnitude.
  double largest_diagonal() const { return problem_.largest_diagonal(); }

private:
  long rows_, cols_;
  bool symmetric_;
  LimitingProblem<double> problem_;
};

}  // namespace fastntk::cuda
