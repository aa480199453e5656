// SPDX-License-Identifier: Apache-2.0
#include "cuda/side.h"

#include "common/index.h"
#include "cuda/row_measures.h"
#include "cuda/survey.h"

namespace fastntk::cuda {
namespace {

constexpr long kStrideUnit = 32;  // rows of a field begin on a line of memory

}  // namespace

template <class P>
Side<P>::Side(const Samples& samples, const InputLayer& input, const RowNetwork& network,
              Derivatives derivatives, bool keep_diagonals, bool ask_fixed_point,
              DataSummary& summary, int s, const Context& context)
    : samples_(samples), layer_fields_(network.layer_fields),
      fields_(context, (2L + network.hidden_layers * network.layer_fields) *
                           round_up(samples.rows, kStrideUnit)),
      stride_(round_up(samples.rows, kStrideUnit)), scale_(context, samples.rows),
      diagonals_(context, keep_diagonals ? network.outputs * samples.rows : 0),
      hidden_layers_(network.hidden_layers) {
  const DeviceArray<double> weights(context, samples.rows);
  survey_columns(samples, summary.used(s), summary.side(s), context);
  measure(input, ask_fixed_point ? summary.side(s) : nullptr, weights.data(), context);
  fill_row_table<P>(network, weights.data(), samples.rows,
                    {fields_.data(), stride_, scale_.data(), diagonals_.data()}, summary.side(s),
                    summary.ranges(s), context);
  if (derivatives == Derivatives::kNone)
    return;
  const long fields = kParameters * gradients().field_count();
  gradients_ = DeviceArray<double>(context, fields * stride_);
  fill_row_gradients(network, derivatives == Derivatives::kNngp, weights.data(), samples.rows,
                     gradients(), summary.side(s), context);
}

template <class P>
void Side<P>::measure(const InputLayer& input, SideSummary* fixed_point, double* weights,
                      const Context& context) {
  const long rows = samples_.rows, ranges = ceil_div(rows, kRangeRows);
  if (samples_.type == SampleType::kUint8) {
    norms_ = DeviceArray<long long>(context, rows);
    radius_ = DeviceArray<P>(context, 3 * rows);
    ranges_ = DeviceArray<P>(context, 2 * ranges);
    numbers_ = DeviceArray<double>(context, rows);
    measure_integers<P>(samples_, input,
                        {norms_.data(), radius_.data(), radius_.data() + rows,
                         radius_.data() + 2 * rows, ranges_.data(), ranges_.data() + ranges,
                         numbers_.data(), weights},
                        context);
  } else {
    numbers_ = DeviceArray<double>(context, 4 * rows);
    double* numbers = numbers_.data();
    measure_numbers(samples_, input,
                    {numbers + 3 * rows, numbers + rows, numbers + 2 * rows, numbers, weights},
                    fixed_point, context);
  }
}

template <class P>
void Side<P>::pack(Product product, const int* columns, long count, const Context& context) {
  const long rows = samples_.rows;
  row_bytes_ = packed_row_bytes(product, count);
  panel_ = DeviceArray<char>(context, rows * row_bytes_);
  double* numbers = numbers_.data();
  const bool integer = samples_.type == SampleType::kUint8;
  pack_rows({samples_, columns, count, panel_.data(), row_bytes_,
             integer ? nullptr : numbers + 3 * rows, integer ? nullptr : numbers + rows, numbers},
            product, context);
}

template <class P>
SideView<P> Side<P>::view() const {
  const long rows = samples_.rows;
  SideView<P> view{};
  view.rows = rows;
  view.panel = panel_.data();
  view.row_bytes = row_bytes_;
  view.row_scale = numbers_.data();
  view.samples = samples_.data;
  view.table = {fields_.data(), stride_, layer_fields_};
  view.scale = scale_.data();
  if (samples_.type == SampleType::kUint8) {
    view.norms = norms_.data();
    view.radius_hi = radius_.data();
    view.radius_lo = radius_.data() + rows;
    view.half_inverse = radius_.data() + 2 * rows;
    view.half_inverse_least = ranges_.data();
    view.half_inverse_most = ranges_.data() + ceil_div(rows, kRangeRows);
  } else {
    view.p = numbers_.data() + rows;
    view.v = numbers_.data() + 2 * rows;
  }
  return view;
}

template <class P>
RowGradientView Side<P>::gradient(int parameter) const {
  return gradients().view(parameter);
}

template <class P>
const P* Side<P>::diagonal(int output) const {
  return diagonals_.size() > 0 ? diagonals_.data() + output * samples_.rows : nullptr;
}

template <class P>
std::size_t Side<P>::bytes() const {
  return panel_.bytes() + norms_.bytes() + radius_.bytes() + ranges_.bytes() + numbers_.bytes() +
         fields_.bytes() + scale_.bytes() + diagonals_.bytes() + gradients_.bytes();
}

template class Side<float>;
template class Side<double>;

}  // namespace fastntk::cuda
