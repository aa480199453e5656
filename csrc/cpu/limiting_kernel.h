// SPDX-License-Identifier: Apache-2.0
// The limiting NTK, NNGP or any share of them between the rows of X and of Y, computed a tile at a
// time and never stored.
//
// A float result comes from a float recursion where its rounding stays within the float gate, else
// from a double one that is rounded once: every layer adds its own rounding to Theta.
#pragma once

#include <memory>
#include <string>

#include "cpu/limiting_tiles.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// What was chosen for some data.
struct Route {
  std::string isa;
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
  // cols == nullptr: symmetric. Both views must outlive the kernel.
  LimitingKernel(const Samples& rows, const Samples* cols, double scale, const Network& network,
                 const std::vector<TrainedShares>& outputs, const std::string& isa, int threads);

  int outputs() const override { return outputs_; }
  std::size_t scratch_bytes() const override;
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override;
  void diagonal(T* to) const override;
  std::size_t bytes() const override;

  Route route() const;
  double largest_diagonal() const;

private:
  // Calls f with the tiles that there are.
  template <class F>
  auto visit(F f) const {
    return wide_ ? f(*wide_) : f(*same_);
  }

  // Zeros outside the first rows and columns of every output's tile.
  void clear_beyond(long rows, long cols, T* tiles) const;

  std::string isa_;
  int outputs_;
  bool linear_;  // no hidden layers
  std::unique_ptr<LimitingTiles<T>> same_;
  std::unique_ptr<LimitingTiles<double>> wide_;
};

}  // namespace fastntk::cpu
