// SPDX-License-Identifier: Apache-2.0
// Rows as the product pipeline reads them, see SideView::panel.
#pragma once

#include "common/product.h"
#include "common/samples.h"
#include "cuda/context.h"

namespace fastntk::cuda {

struct Packing {
  Samples samples;
  const int* columns;  // [count], device memory; null: all of them
  long count;
  char* panel;  // [rows][row_bytes]
  long row_bytes;
  // Of rows of no integers: the largest magnitude, which fixed point makes its scale of, and then
  // p is for that scale. [rows]
  const double* largest;
  double* p;
  double* row_scale;
};

// Bytes of a packed row of so many columns, one run at least, and the runs of one digit.
long packed_row_bytes(Product product, long count);
int packed_runs(Product product, long count);

void pack_rows(const Packing& packing, Product product, const Context& context);

}  // namespace fastntk::cuda
