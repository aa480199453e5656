// SPDX-License-Identifier: Apache-2.0
// What one instruction set offers to the drivers: the shapes of its panels, and its functions.
#pragma once

#include <string>
#include <vector>

#include "common/product.h"

namespace fastntk::cpu {

struct ProductShape {
  int left_rows;     // rows of a left panel: accumulator rows
  int right_rows;    // rows of a right panel: accumulator columns
  int group;         // values per word: 4 bytes, 2 shorts, or 1 number
  int right_offset;  // subtracted from the right operand's values so that they fit a signed byte
  int left_run;      // consecutive words of one row in a left panel
};

template <class T>
struct LimitingPlan;
template <class T>
struct LayersOfTile;
template <class T>
struct TileProduct;
template <class T>
struct RowPacking;
template <class T>
struct EmpiricalPlan;
template <class T>
class PackedRows;
template <class T>
struct SkinnyProduct;

template <class T>
struct Engine {
  ProductShape shapes[kProductCount];
  // The product for float data that this instruction set forms fastest.
  Product float_product;
  // Bytes of scratch that limiting_tile needs.
  std::size_t scratch_bytes;
  // Tile (bi, bj) of every output of the plan, each kTile x kTile, row-major, one after the other.
  void (*limiting_tile)(const LimitingPlan<T>& plan, long bi, long bj, T* tiles, char* scratch);
  // Theta / sqrt(q q') in place of a tile of first deficits, which are folded if the layers' are.
  void (*limiting_layers)(const LayersOfTile<T>& tile, T* cells);
  // Rows of numbers, see packed_rows.h: how many make a panel, and what packs one. False if one of its
  // rows loses too much in fixed point.
  long row_panel;
  bool (*pack_rows)(const RowPacking<T>& packing, long panel);
  // Columns [begin, end) of A B^T, and of A B: at most skinny_piece of them from a multiple of it on.
  void (*skinny_rows)(const SkinnyProduct<T>& product, long begin, long end);
  void (*skinny_columns)(const SkinnyProduct<T>& product, long begin, long end);
  long skinny_piece;
  // Packs rows that are columns of an array; null without a matrix unit.
  bool (*pack_columns)(const RowPacking<T>& packing);
  // to [rows, cols], rows of it `stride` apart: products of rows [row, row + rows) of the left
  // operand with the first `cols` of the right one, at most kTile of each, both in fixed point; null
  // without a matrix unit. And the bytes of scratch that it needs.
  void (*product_tile)(const PackedRows<T>& left, long row, const PackedRows<T>& right, T* to,
                       long stride, long rows, long cols, bool streaming, char* scratch);
  std::size_t product_scratch_bytes;
  // The product for rows of so many columns that this instruction set forms fastest.
  Product (*row_product)(long columns);
  // Bytes of scratch that empirical_tile needs.
  std::size_t empirical_scratch_bytes;
  // Tile (bi, bj), kTile x kTile, row-major; cells beyond the matrix are finite.
  void (*empirical_tile)(const EmpiricalPlan<T>& plan, long bi, long bj, T* tile, char* scratch);
  // One tile's part of K V. Summed in T within the tile, then added in double.
  void (*tile_times)(const TileProduct<T>& product);
  // Numbers of a float tile, count a multiple of vector_lanes.
  void (*widen)(const float* from, T* to, long count);
  int vector_lanes;
  // to [rows, cols] = the top left of a tile; to [cols, rows] = its transpose. Rows of `to` are
  // `stride` apart. Streaming stores bypass the caches: for what is too large to stay there.
  void (*store_tile)(const T* tile, long rows, long cols, T* to, long stride, bool streaming);
  void (*store_transposed)(const T* tile, long rows, long cols, T* to, long stride, bool streaming);
};

// Instruction sets compiled into this build, slowest first; those of them that this processor runs;
// and the one that runs: named by FASTNTK_ISA, or the last supported one. Throws
// std::invalid_argument for a name that is unknown or not supported here.
std::vector<std::string> isa_names();
std::vector<std::string> supported_isas();
std::string selected_isa();

template <class T>
const Engine<T>& engine(const std::string& isa);

}  // namespace fastntk::cpu
