// SPDX-License-Identifier: Apache-2.0
// The body of every instruction set's translation unit: its two engines.
#pragma once

#include "cpu/isa/empirical_tile.h"
#include "cpu/isa/limiting_layers.h"
#include "cpu/isa/limiting_tile.h"
#include "cpu/isa/pack_rows.h"
#include "cpu/isa/skinny.h"
#include "cpu/isa/store_tile.h"
#include "cpu/isa/tile_times.h"
#if defined(__AMX_INT8__)
#include "cpu/isa/product_tile.h"
#endif

namespace fastntk::cpu::FASTNTK_ISA {

// What only a matrix unit does, and only with floats.
template <class T>
struct MatrixUnit {
  decltype(Engine<T>::pack_columns) pack_columns = nullptr;
  decltype(Engine<T>::product_tile) product_tile = nullptr;
  std::size_t scratch_bytes = 0;
};

template <class T>
MatrixUnit<T> matrix_unit() {
#if defined(__AMX_INT8__)
  if constexpr (sizeof(T) == sizeof(float))
    return {pack_columns, product_tile, sizeof(ProductScratch)};
#endif
  return {};
}

template <class T>
const Engine<T>& engine() {
#if defined(__AMX_INT8__)
  // A left panel holds whole tile registers, rows of 64 bytes; a right one words of four bytes.
  constexpr ProductShape kInteger{kAmxEdge, kAmxEdge, 4, 0, kAmxEdge};
  constexpr ProductShape kSliced = kInteger;
  constexpr Product kFloatProduct = Product::kSlices;
#else
  constexpr ProductShape kInteger{kLeftRows, kRightRows<float>, kIntegerGroup, kRightOffset, 1};
  constexpr ProductShape kSliced{};
  constexpr Product kFloatProduct = Product::kFloat;
#endif
  constexpr ProductShape kFloat{kLeftRows, kRightRows<float>, 1, 0, 1};
  constexpr ProductShape kDouble{kLeftRows, kRightRows<double>, 1, 0, 1};
  const MatrixUnit<T> unit = matrix_unit<T>();
  static const Engine<T> kEngine{{kInteger, kDouble, kFloat, kSliced, kDouble},
                                 kFloatProduct,
                                 sizeof(TileScratch<T>),
                                 limiting_tile<T>,
                                 limiting_layers<T>,
                                 kRightRows<T>,
                                 pack_rows<T>,
                                 skinny_rows<T>,
                                 skinny_columns<T>,
                                 kPiece<T>,
                                 unit.pack_columns,
                                 unit.product_tile,
                                 unit.scratch_bytes,
                                 row_product<T>,
                                 sizeof(EmpiricalScratch<T>),
                                 empirical_tile<T>,
                                 tile_times<T>,
                                 widen<T>,
                                 Pack<T>::kLanes,
                                 store_tile<T>,
                                 store_transposed<T>};
  return kEngine;
}

template const Engine<float>& engine<float>();
template const Engine<double>& engine<double>();

}  // namespace fastntk::cpu::FASTNTK_ISA
