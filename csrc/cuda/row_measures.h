// SPDX-License-Identifier: Apache-2.0
// What the input layer needs of every row, see common/row_measures.h.
#pragma once

#include "common/input_layer.h"
#include "common/samples.h"
#include "cuda/data_summary.h"

namespace fastntk::cuda {

// Arrays of a side in device memory, [rows] where nothing else is said.
template <class P>
struct IntegerMeasures {
  long long* norms;
  P* radius_hi;
  P* radius_lo;
  P* half_inverse;
  P* half_inverse_least;  // [ceil(rows / kRangeRows)]
  P* half_inverse_most;
  double* row_scale;  // ones
  double* weights;    // what the weights add to the variance of the first preactivation
};

struct NumberMeasures {
  double* largest;  // magnitude
  double* p;
  double* v;
  double* row_scale;  // power_below(largest)
  double* weights;
};

template <class P>
void measure_integers(const Samples& samples, const InputLayer& input,
                      const IntegerMeasures<P>& measures, const Context& context);

// summary: set coarse where fixed point does not serve a row; null: not asked for. float32 rows.
void measure_numbers(const Samples& samples, const InputLayer& input,
                     const NumberMeasures& measures, SideSummary* summary, const Context& context);

}  // namespace fastntk::cuda
