// SPDX-License-Identifier: Apache-2.0
#include "cpu/packed_rows.h"

namespace fastntk::cpu {

template <class T>
PackedRows<T>::PackedRows(const RowView<T>& from, Product product, bool right, double largest_error,
                          const Engine<T>& engine)
    : engine_(&engine) {
  const bool digits = product == Product::kSlices;
  panel_rows_ = digits ? kDigitPanel : engine.row_panel;
  step_bytes_ = digits ? kDigitStepBytes : panel_rows_ * static_cast<long>(sizeof(T));
  panel_bytes_ = step_bytes_ * (digits ? ceil_div(from.columns, kDigitStep) : from.columns);
  factors_ = AlignedBuffer<T>(round_up(from.rows, panel_rows_));
  norms_ = AlignedBuffer<double>(from.rows);
  packing_ = {from, product, right, largest_error, nullptr, factors_.data(), norms_.data()};
}

template <class T>
bool PackedRows<T>::pack_all() const {
  if (packing_.from.column_stride != 0)
    return engine_->pack_columns(packing_);
  for (long panel = 0; panel < panels(); ++panel) {
    if (!pack(panel))
      return false;
  }
  return true;
}

template <class T>
long PackedRows<T>::steps() const {
  return packing_.product == Product::kSlices ? ceil_div(columns(), kDigitStep) : columns();
}

template class PackedRows<float>;
template class PackedRows<double>;

}  // namespace fastntk::cpu
