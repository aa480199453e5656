// SPDX-License-Identifier: Apache-2.0
#include "cpu/packed_rows.h"

namespace fastntk::cpu {

template <class T>
PackedRows<T>::PackedRows(const T* data, long rows, long columns, Product product, bool right,
                          double largest_error, const Engine<T>& engine)
    : engine_(&engine) {
  const bool digits = product == Product::kSlices;
  panel_rows_ = digits ? kDigitPanel : engine.row_panel;
  step_bytes_ = digits ? kDigitStepBytes : panel_rows_ * static_cast<long>(sizeof(T));
  panel_bytes_ = step_bytes_ * (digits ? ceil_div(columns, kDigitStep) : columns);
  const long padded = round_up(rows, panel_rows_);
  factors_ = AlignedBuffer<T>(padded);
  norms_ = AlignedBuffer<double>(rows);
  packing_ = {data,          rows,    columns,         product,      right,
              largest_error, nullptr, factors_.data(), norms_.data()};
}

template <class T>
long PackedRows<T>::steps() const {
  return packing_.product == Product::kSlices ? ceil_div(packing_.columns, kDigitStep)
                                              : packing_.columns;
}

template class PackedRows<float>;
template class PackedRows<double>;

}  // namespace fastntk::cpu
