// SPDX-License-Identifier: Apache-2.0
#include "cpu/fast_product.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "common/error.h"
#include "cpu/packed_rows.h"
#include "cpu/thread_team.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

// Of |e| / |x| of a row, see common/fixed_point.h.
constexpr double kLargestError = 4.5e-7;
// Columns of the result that a task works on: their operand is packed by the worker itself, and
// stays in its second-level cache while all rows pass by.
constexpr long kTaskColumns = kTile;
// Rows that a task has at least, where there are more threads than blocks of columns: packing the
// columns again then takes an eighth of the time.
constexpr long kTaskRows = 4 * kTile;
constexpr long kPackedTogether = 4;  // panels

// A result of more bytes is not going to be read from the caches: its stores bypass them.
constexpr long kStreamedBytes = 8 << 20;

struct Worker {
  AlignedBuffer<char> panels, scratch;
};

}  // namespace

bool has_fast_product(const std::string& isa) { return engine<float>(isa).product_tile != nullptr; }

bool multiply_fast(const FastProduct& product, const std::string& isa, int threads) {
  const Engine<float>& chosen = engine<float>(isa);
  require(chosen.product_tile != nullptr, "this instruction set has no matrix unit");
  require(product.rows > 0 && product.cols > 0 && product.inner > 0, "a product must not be empty");
  const long rows = product.rows, cols = product.cols, inner = product.inner;
  PackedRows<float> left({product.A, rows, inner}, Product::kSlices, false, kLargestError, chosen);
  const AlignedBuffer<char> memory(left.panel_bytes(), kUninitialised);
  left.place(const_cast<char*>(memory.data()));
  const long column_tasks = ceil_div(cols, kTaskColumns);
  const ThreadLease lease(threads, column_tasks * ceil_div(rows, kTaskRows));
  std::atomic<bool> served{true};
  const long groups = ceil_div(left.panels(), kPackedTogether);
  run_tasks(groups, lease.threads(), nullptr, [&](int, long group) {
    const long end = std::min(left.panels(), (group + 1) * kPackedTogether);
    for (long panel = group * kPackedTogether; panel < end && served; ++panel) {
      if (!left.pack(panel))
        served = false;
    }
  });
  if (!served)
    return false;
  const long row_tasks = std::min(ceil_div(rows, kTaskRows),
                                  ceil_div(static_cast<long>(lease.threads()), column_tasks));
  const long task_rows = round_up(ceil_div(rows, row_tasks), kTile);
  const bool streaming = rows * cols * static_cast<long>(sizeof(float)) > kStreamedBytes;
  std::vector<Worker> workers(lease.threads());
  run_tasks(column_tasks * row_tasks, lease.threads(), nullptr, [&](int worker, long task) {
    const long col = task % column_tasks * kTaskColumns, row = task / column_tasks * task_rows;
    const long width = std::min(kTaskColumns, cols - col);
    const RowView<float> columns = product.transposed
                                       ? RowView<float>{product.B + col, width, inner, cols}
                                       : RowView<float>{product.B + col * inner, width, inner};
    PackedRows<float> right(columns, Product::kSlices, true, kLargestError, chosen);
    Worker& own = workers[worker];
    if (own.scratch.size() == 0)
      own.scratch = AlignedBuffer<char>(chosen.product_scratch_bytes, kUninitialised);
    if (own.panels.size() < right.panel_bytes())
      own.panels = AlignedBuffer<char>(right.panel_bytes(), kUninitialised);
    right.place(own.panels.data());
    if (!served || !right.pack_all()) {
      served = false;
      return;
    }
    const long end = std::min(rows, row + task_rows);
    for (long i = row; i < end; i += kTile) {
      chosen.product_tile(left, i, right, product.to + i * cols + col, cols,
                          std::min(kTile, end - i), width, streaming, own.scratch.data());
    }
  });
  return served;
}

}  // namespace fastntk::cpu
