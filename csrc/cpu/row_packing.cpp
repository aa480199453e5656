// SPDX-License-Identifier: Apache-2.0
#include "cpu/row_packing.h"

#include <algorithm>
#include <atomic>

#include "cpu/thread_team.h"

namespace fastntk::cpu {
namespace {

// What a task packs: fewer bytes take less time than a thread takes to start.
constexpr long kTaskBytes = 1 << 19;
constexpr long kLine = 64;

template <class T>
struct Task {
  std::size_t pair;
  PackedRows<T>* rows;
  long begin, end;  // panels
};

template <class T>
void add_tasks(std::size_t pair, PackedRows<T>& rows, std::vector<Task<T>>& tasks) {
  const long panel_bytes = rows.panel_rows() * rows.columns() * static_cast<long>(sizeof(T));
  const long together = std::max(1L, kTaskBytes / std::max(1L, panel_bytes));
  for (long begin = 0; begin < rows.panels(); begin += together)
    tasks.push_back({pair, &rows, begin, std::min(rows.panels(), begin + together)});
}

}  // namespace

template <class T>
PanelMemory pack_pairs(const std::vector<PairToPack<T>>& pairs, double largest_error,
                       const Engine<T>& engine, int threads) {
  std::vector<Product> products;
  for (const PairToPack<T>& pair : pairs)
    products.push_back(engine.row_product(pair.rows.columns));
  for (;;) {
    std::vector<Task<T>> tasks;
    std::size_t bytes = 0;
    const auto prepare = [&](std::size_t p, const RowView<T>& view, bool right, PackedRows<T>& to) {
      to = PackedRows<T>(view, products[p], right, largest_error, engine);
      bytes += round_up(to.panel_bytes(), kLine);
      add_tasks(p, to, tasks);
    };
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const PairToPack<T>& pair = pairs[p];
      pair.to->symmetric = pair.cols.data == nullptr;
      prepare(p, pair.rows, false, pair.to->rows);
      if (!pair.to->symmetric)
        prepare(p, pair.cols, true, pair.to->cols);
    }
    PanelMemory memory(bytes, kUninitialised);
    char* next = memory.data();
    for (const Task<T>& task : tasks) {
      if (task.begin > 0)
        continue;
      task.rows->place(next);
      next += round_up(task.rows->panel_bytes(), kLine);
    }
    std::vector<std::atomic<bool>> failed(pairs.size());
    std::atomic<bool> any_failed{false};
    const long count = static_cast<long>(tasks.size());
    const ThreadLease lease(threads, count);
    run_tasks(count, lease.threads(), nullptr, [&](int, long index) {
      const Task<T>& task = tasks[index];
      for (long panel = task.begin; panel < task.end && !failed[task.pair]; ++panel) {
        if (!task.rows->pack(panel))
          any_failed = failed[task.pair] = true;
      }
    });
    if (!any_failed)
      return memory;
    // All over again, in new memory: this is rare, and what is not used is not kept.
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      if (failed[p])
        products[p] = Product::kFloat;
    }
  }
}

template PanelMemory pack_pairs(const std::vector<PairToPack<float>>&, double, const Engine<float>&,
                                int);
template PanelMemory pack_pairs(const std::vector<PairToPack<double>>&, double,
                                const Engine<double>&, int);

}  // namespace fastntk::cpu
