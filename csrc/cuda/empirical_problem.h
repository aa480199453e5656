// SPDX-License-Identifier: Apache-2.0
// What the kernels of an empirical NTK read: plain structures of pointers into device memory.
//
// K = sum over terms of S (alpha P + beta), entry by entry: S are products of the rows of signals, P
// of those of activations.
#pragma once

#include "cuda/tile_shape.h"

namespace fastntk::cuda {

// One side of a product. Rows begin at multiples of 16 bytes.
struct ProductRows {
  const char* data;  // [count] rows, row_bytes apart
  long row_bytes;
  int count;
};

// Products of the rows of two sides.
struct ProductView {
  ProductRows left, right;
  int bytes;  // of a row that are multiplied, a multiple of 16
  int runs;   // ceil(bytes / kRunBytes); 0: nothing to multiply
  // Where tiles are computed in parts: those that are chunks of this product.
  int first_chunk, chunks;
};

template <class T>
struct TermView {
  ProductView signals;      // of rows of K; no runs: 1 for an output with itself, 0 with others
  ProductView activations;  // of points, each of which has as many rows of K as there are outputs
  T alpha, beta;
};

// Runs [begin, end) of a product.
struct ChunkView {
  int term;
  bool of_activations;
  int begin, end;
};

template <class T>
struct EmpiricalView {
  const TermView<T>* terms;
  int term_count;
  int rows, cols;  // of K
  bool symmetric;
  int outputs;
  const T* diagonal;  // [rows], of a symmetric matrix
};

template <class T>
struct EmpiricalShape : TileLayout<128, sizeof(T) == sizeof(float) ? 128 : 64> {
  static constexpr int kCellBytes = EmpiricalShape::kCells * static_cast<int>(sizeof(T));
  static constexpr int kStages = 2;
  static constexpr int kStageBytes = EmpiricalShape::kPlaneBytes;
  static constexpr int kSharedBytes = kCellBytes + kStages * kStageBytes;
};

// The points that rows and columns of such a tile belong to, if each has two of them or more.
template <class T>
struct PointShape : TileLayout<EmpiricalShape<T>::kRows / 2, EmpiricalShape<T>::kCols / 2> {
  static constexpr int kStages = EmpiricalShape<T>::kStages;
  static constexpr int kStageBytes = PointShape::kPlaneBytes;
};

}  // namespace fastntk::cuda
