// SPDX-License-Identifier: Apache-2.0
#include "cuda/survey.cuh"

#include <cstdint>

namespace fastntk::cuda {
namespace {

template <class Value>
void survey(const Samples& samples, unsigned* used, SideSummary* summary, const Context& context) {
  const dim3 grid(static_cast<unsigned>(ceil_div(samples.rows, kSurveyRows)),
                  static_cast<unsigned>(ceil_div(samples.columns, kSurveyThreads)));
  launch(survey_kernel<Value>, {grid, kSurveyThreads, 0, context.stream},
         static_cast<const Value*>(samples.data), samples.rows, samples.columns, used, summary);
}

}  // namespace

void survey_columns(const Samples& samples, unsigned* used, SideSummary* summary,
                    const Context& context) {
  switch (samples.type) {
  case SampleType::kUint8:
    return survey<std::uint8_t>(samples, used, summary, context);
  case SampleType::kFloat32:
    return survey<float>(samples, used, summary, context);
  default:
    return survey<double>(samples, used, summary, context);
  }
}

void count_close_pairs(const Samples& x, const Samples& y, const InputLayer& input,
                       double threshold, SideSummary* summary, const Context& context) {
  const CloseSample sample{static_cast<const float*>(x.data),
                           static_cast<const float*>(y.data),
                           x.rows,
                           y.rows,
                           x.columns,
                           close_pair_sample(x.rows, y.rows),
                           input.data_scale,
                           input.bias_term(),
                           threshold};
  const auto blocks = static_cast<unsigned>(ceil_div(sample.size, kSurveyThreads / kWarp));
  launch(close_pairs_kernel, {blocks, kSurveyThreads, 0, context.stream}, sample, summary);
}

}  // namespace fastntk::cuda
