// SPDX-License-Identifier: Apache-2.0
#include "cuda/empirical_rows.h"

#include <cstdint>

#include "cuda/empirical_rows.cuh"

namespace fastntk::cuda {
namespace {

constexpr long kPart = 16;

Shape warp_each(long rows, const Context& context) {
  return {dim3(static_cast<unsigned>(ceil_div(rows, kWarps))), dim3(kThreads), 0, context.stream};
}

}  // namespace

template <class T>
long part_bytes(long columns) {
  return round_up(columns * static_cast<long>(sizeof(T)), kPart);
}

template <class T>
ProductRows product_rows(const RowView<T>& view, std::vector<DeviceArray<char>>& kept,
                         const Context& context) {
  const long bytes = part_bytes<T>(view.columns);
  const int count = static_cast<int>(view.rows);
  const bool lie_well = reinterpret_cast<std::uintptr_t>(view.data) % kPart == 0 &&
                        bytes == view.columns * static_cast<long>(sizeof(T));
  if (lie_well)
    return {reinterpret_cast<const char*>(view.data), bytes, count};
  kept.emplace_back(context, view.rows * bytes);
  char* to = kept.back().data();
  launch(align_rows_kernel<T>, warp_each(view.rows, context), view,
         bytes / static_cast<long>(sizeof(T)), reinterpret_cast<T*>(to));
  return {to, bytes, count};
}

template <class T>
void self_kernel(const EmpiricalView<T>& problem, bool of_rows, T* diagonal,
                 unsigned long long* largest, const Context& context) {
  launch(self_kernel_kernel<T>, warp_each(of_rows ? problem.rows : problem.cols, context), problem,
         of_rows, diagonal, largest);
}

#define FASTNTK_EMPIRICAL_ROWS(T)                                                                  \
  template long part_bytes<T>(long);                                                               \
  template ProductRows product_rows(const RowView<T>&, std::vector<DeviceArray<char>>&,            \
                                    const Context&);                                               \
  template void self_kernel(const EmpiricalView<T>&, bool, T*, unsigned long long*, const Context&);
FASTNTK_EMPIRICAL_ROWS(float)
FASTNTK_EMPIRICAL_ROWS(double)

}  // namespace fastntk::cuda
