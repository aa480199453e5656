// SPDX-License-Identifier: Apache-2.0
#include "cuda/row_measures.cuh"

namespace fastntk::cuda {
namespace {

Shape shape_for(long rows, const Context& context) {
  return {static_cast<unsigned>(ceil_div(rows, kRangeRows)), kMeasureThreads, 0, context.stream};
}

}  // namespace

template <class P>
void measure_integers(const Samples& samples, const InputLayer& input,
                      const IntegerMeasures<P>& measures, const Context& context) {
  launch(measure_integers_kernel<P>, shape_for(samples.rows, context),
         static_cast<const std::uint8_t*>(samples.data), samples.rows, samples.columns, input,
         measures);
}

template void measure_integers(const Samples&, const InputLayer&, const IntegerMeasures<float>&,
                               const Context&);
template void measure_integers(const Samples&, const InputLayer&, const IntegerMeasures<double>&,
                               const Context&);

void measure_numbers(const Samples& samples, const InputLayer& input,
                     const NumberMeasures& measures, SideSummary* summary, const Context& context) {
  const Shape shape = shape_for(samples.rows, context);
  if (samples.type == SampleType::kFloat32)
    launch(measure_numbers_kernel<float>, shape, static_cast<const float*>(samples.data),
           samples.rows, samples.columns, input, measures, summary);
  else
    launch(measure_numbers_kernel<double>, shape, static_cast<const double*>(samples.data),
           samples.rows, samples.columns, input, measures, summary);
}

}  // namespace fastntk::cuda
