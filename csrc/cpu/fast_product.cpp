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
// stays in its second-level cache while all rows pass by. Fewer where there are few, so that there
// are tasks for all.
long task_columns(long cols) { return cols >= 8 * kTile ? kTile : cols >= 2 * kTile ? 128 : 64; }
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
  const long width = task_columns(cols), column_tasks = ceil_div(cols, width);
  const ThreadLease lease(threads, column_tasks * ceil_div(rows, kTaskRows));
  const long row_tasks = std::min(ceil_div(rows, kTaskRows),
                                  ceil_div(static_cast<long>(lease.threads()), column_tasks));
  const long task_rows = round_up(ceil_div(rows, row_tasks), kTile);
  const bool streaming = rows * cols * static_cast<long>(sizeof(float)) > kStreamedBytes;
  const auto columns_from = [&](long col) {
    const long count = std::min(width, cols - col);
    const RowView<float> view = product.transposed
                                    ? RowView<float>{product.B + col, count, inner, cols}
                                    : RowView<float>{product.B + col * inner, count, inner};
    return PackedRows<float>(view, Product::kSlices, true, kLargestError, chosen);
  };
  PackedRows<float> left({product.A, rows, inner}, Product::kSlices, false, kLargestError, chosen);
  AlignedBuffer<char> memory(left.panel_bytes(), kUninitialised);
  left.place(memory.data());
  // Here and not in the threads, whose memory would be the system's again when they end.
  std::vector<Worker> workers;
  for (int worker = 0; worker < lease.threads(); ++worker) {
    workers.push_back({AlignedBuffer<char>(columns_from(0).panel_bytes(), kUninitialised),
                       AlignedBuffer<char>(chosen.product_scratch_bytes, kUninitialised)});
  }
  std::atomic<bool> served{true};
  const auto pack_rows = [&](long group) {
    const long end = std::min(left.panels(), (group + 1) * kPackedTogether);
    for (long panel = group * kPackedTogether; panel < end && served; ++panel) {
      if (!left.pack(panel))
        served = false;
    }
  };
  const auto multiply = [&](Worker& own, long task) {
    const long col = task % column_tasks * width, row = task / column_tasks * task_rows;
    const long end = std::min(rows, row + task_rows);
    PackedRows<float> right = columns_from(col);
    right.place(own.panels.data());
    if (!served || !right.pack_all()) {
      served = false;
      return;
    }
    for (long i = row; i < end; i += kTile) {
      chosen.product_tile(left, i, right, product.to + i * cols + col, cols,
                          std::min(kTile, end - i), std::min(width, cols - col), streaming,
                          own.scratch.data());
    }
  };
  run_rounds({ceil_div(left.panels(), kPackedTogether), column_tasks * row_tasks}, lease.threads(),
             nullptr, [&](int worker, long round, long index) {
               if (round == 0)
                 pack_rows(index);
               else
                 multiply(workers[worker], index);
             });
  return served;
}

}  // namespace fastntk::cpu
