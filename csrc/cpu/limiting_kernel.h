// SPDX-License-Identifier: Apache-2.0
// The limiting NTK, NNGP or any share of them between the rows of X and of Y, computed a tile at a
// time and never stored.
#pragma once

#include <memory>
#include <string>

#include "cpu/limiting_plan.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// What was chosen for some data, and why it could be.
struct Route {
  std::string isa;
  Product product;
  long columns;  // of the data that enter the products: those not zero in all rows of one side
  std::vector<LayerPlan> layers;
};

template <class T>
class LimitingKernel final : public TileSource<T> {
public:
  // cols == nullptr: symmetric. Both views must outlive the kernel.
  LimitingKernel(const Samples& rows, const Samples* cols, double scale, const Network& network,
                 const std::vector<TrainedShares>& outputs, const std::string& isa, int threads);

  int outputs() const override { return static_cast<int>(plan_.outputs.size()); }
  std::size_t scratch_bytes() const override { return plan_.engine->scratch_bytes; }
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override;
  void diagonal(T* to) const override;
  std::size_t bytes() const override { return rows_->bytes() + (cols_ ? cols_->bytes() : 0); }

  Route route() const { return {isa_, plan_.product, columns_, plan_.layers}; }
  double largest_diagonal() const;

private:
  std::string isa_;
  long columns_ = 0;
  std::unique_ptr<Operand<T>> rows_;
  std::unique_ptr<Operand<T>> cols_;
  LimitingPlan<T> plan_;
};

const char* product_name(Product product);

}  // namespace fastntk::cpu
