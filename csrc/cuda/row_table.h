// SPDX-License-Identifier: Apache-2.0
// The row step of every layer for every row, see common/row_recursion.h.
#pragma once

#include <vector>

#include "common/network.h"
#include "cuda/data_summary.h"
#include "cuda/problem.h"

namespace fastntk::cuda {

// A network and what of it is trained, in device memory.
struct RowNetwork {
  const LinearMap* maps;
  const Activation* activations;
  int hidden_layers;
  const Shares<double>* shares;  // [outputs][hidden_layers + 1]
  int outputs;
  bool any;          // beyond ReLU and erf
  int layer_fields;  // of its row tables
};

// A table that is being filled, in device memory.
template <class P>
struct RowTableArrays {
  P* fields;     // see RowTableView
  long stride;   // of fields
  P* scale;      // [rows]
  P* diagonals;  // [outputs][rows]; may be null
};

// weights: [rows], what they add to the variance of the first preactivation. Adds the largest
// diagonals to the summary, and writes the ranges of all fields that are used: [fields][kRangeParts].
template <class P>
void fill_row_table(const RowNetwork& network, const double* weights, long rows,
                    const RowTableArrays<P>& table, SideSummary* summary, Range* ranges,
                    const Context& context);

}  // namespace fastntk::cuda
