// SPDX-License-Identifier: Apache-2.0
// Tiles of limiting kernels in the type P that the recursion runs in.
#pragma once

#include <memory>
#include <string>

#include "common/derivatives.h"
#include "cpu/limiting_plan.h"

namespace fastntk::cpu {

template <class P>
class LimitingTiles {
public:
  // y == nullptr: symmetric. Both views must outlive the tiles.
  LimitingTiles(const Samples& x, const Samples* y, double scale, const Network& network,
                const std::vector<TrainedShares>& outputs, const std::string& isa, int threads)
      : LimitingTiles(x, y, scale, network, outputs, Derivatives::kNone, isa, threads) {}
  // The same with tiles of the derivatives of the only output behind its own; in double.
  LimitingTiles(const Samples& x, const Samples* y, double scale, const Network& network,
                const std::vector<TrainedShares>& outputs, Derivatives derivatives,
                const std::string& isa, int threads);

  // Tile (bi, bj) of every output, one after the other.
  void compute(long bi, long bj, P* tiles, char* scratch) const {
    plan_.engine->limiting_tile(plan_, bi, bj, tiles, scratch);
  }
  int outputs() const { return static_cast<int>(plan_.outputs()); }
  std::size_t scratch_bytes() const { return plan_.engine->scratch_bytes; }
  std::size_t bytes() const { return rows_->bytes() + (cols_ ? cols_->bytes() : 0); }
  const P* diagonal() const { return rows_->table.diagonals[0].data(); }
  double largest_diagonal() const;

  Product product() const { return plan_.product; }
  long columns() const { return columns_; }  // those not zero in all rows of one side
  long data_columns() const { return rows_->samples.columns; }
  const std::vector<LayerPlan>& layers() const { return plan_.layers; }
  bool tabulated() const { return !plan_.tables.empty(); }
  const LimitingPlan<P>& plan() const { return plan_; }

private:
  long columns_ = 0;
  std::unique_ptr<Operand<P>> rows_;
  std::unique_ptr<Operand<P>> cols_;
  LimitingPlan<P> plan_;
};

}  // namespace fastntk::cpu
