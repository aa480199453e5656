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
  PanelMemory memory;
  std::vector<std::atomic<bool>> served(pairs.size());
  // Packs those pairs that are not served yet.
  const auto pack = [&](auto product_of) {
    std::vector<Task<T>> tasks;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const PairToPack<T>& pair = pairs[p];
      if (served[p])
        continue;
      const Product product = product_of(pair.rows.columns);
      const auto panels = [&](const RowView<T>& view, bool right) {
        return PackedRows<T>(view, product, right, largest_error, engine);
      };
      pair.to->symmetric = pair.cols.data == nullptr;
      pair.to->rows = panels(pair.rows, false);
      add_tasks(p, pair.to->rows, tasks);
      if (!pair.to->symmetric) {
        pair.to->cols = panels(pair.cols, true);
        add_tasks(p, pair.to->cols, tasks);
      }
      served[p] = true;
    }
    std::size_t bytes = 0;
    const auto for_operands = [&](const auto& f) {
      for (const Task<T>& task : tasks) {
        if (task.begin == 0)
          f(*task.rows);
      }
    };
    for_operands([&](const PackedRows<T>& rows) { bytes += round_up(rows.panel_bytes(), kLine); });
    memory.emplace_back(bytes, kUninitialised);
    char* next = memory.back().data();
    for_operands([&](PackedRows<T>& rows) {
      rows.place(next);
      next += round_up(rows.panel_bytes(), kLine);
    });
    const long count = static_cast<long>(tasks.size());
    const ThreadLease lease(threads, count);
    run_tasks(count, lease.threads(), nullptr, [&](int, long index) {
      const Task<T>& task = tasks[index];
      for (long panel = task.begin; panel < task.end && served[task.pair]; ++panel) {
        if (!task.rows->pack(panel))
          served[task.pair] = false;
      }
    });
  };
  pack([&](long columns) { return engine.row_product(columns); });
  if (!std::all_of(served.begin(), served.end(), [](const auto& one) { return one.load(); }))
    pack([&](long) { return Product::kFloat; });
  return memory;
}

template PanelMemory pack_pairs(const std::vector<PairToPack<float>>&, double, const Engine<float>&,
                                int);
template PanelMemory pack_pairs(const std::vector<PairToPack<double>>&, double,
                                const Engine<double>&, int);

}  // namespace fastntk::cpu
