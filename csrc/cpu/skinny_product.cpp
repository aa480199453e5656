// SPDX-License-Identifier: Apache-2.0
#include "cpu/skinny_product.h"

#include <algorithm>

#include "common/error.h"
#include "common/index.h"
#include "cpu/isa/engine.h"
#include "cpu/thread_team.h"

namespace fastntk::cpu {

template <class T>
void multiply_skinny(const SkinnyProduct<T>& product, bool transposed, const std::string& isa,
                     int threads) {
  require(product.rows > 0 && product.rows <= kSkinnyRows, "a skinny product has 1 to 64 rows");
  require(product.cols > 0 && product.inner > 0, "a product must not be empty");
  const Engine<T>& chosen = engine<T>(isa);
  // Rows of B, whole vectors of its columns.
  const long together = transposed ? chosen.skinny_piece : 64;
  const auto multiply = transposed ? chosen.skinny_columns : chosen.skinny_rows;
  const long tasks = ceil_div(product.cols, together);
  const ThreadLease lease(threads, tasks);
  run_tasks(tasks, lease.threads(), nullptr, [&](int, long task) {
    multiply(product, task * together, std::min(product.cols, (task + 1) * together));
  });
}

template void multiply_skinny(const SkinnyProduct<float>&, bool, const std::string&, int);
template void multiply_skinny(const SkinnyProduct<double>&, bool, const std::string&, int);

}  // namespace fastntk::cpu
