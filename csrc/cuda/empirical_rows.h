// SPDX-License-Identifier: Apache-2.0
// Rows of activations or signals as the kernels of an empirical NTK read them.
#pragma once

#include "cuda/context.h"
#include "cuda/empirical_problem.h"

namespace fastntk::cuda {

// A matrix [rows, columns] in device memory, row-major, contiguous; data == nullptr: none.
template <class T>
struct RowView {
  const T* data;
  long rows, columns;
};

// kTogether rows of row_pipeline.cuh are less than 2^32 bytes.
constexpr long kMostRowBytes = 1L << 25;

// Bytes of a row that products read: whole parts of 16, with zeros behind the last column.
template <class T>
long part_bytes(long columns);

// The rows where they lie, if they begin at multiples of 16 bytes; else copies, which `kept` gets.
template <class T>
ProductRows product_rows(const RowView<T>& view, std::vector<DeviceArray<char>>& kept,
                         const Context& context);

// K of rows with themselves, in double: of the rows or the columns of the problem. diagonal [count]
// may be null. largest: bits of the largest one, of this and of what was there; NaN counts as largest.
template <class T>
void self_kernel(const EmpiricalView<T>& problem, bool of_rows, T* diagonal,
                 unsigned long long* largest, const Context& context);

}  // namespace fastntk::cuda
