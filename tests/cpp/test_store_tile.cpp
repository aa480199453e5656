// SPDX-License-Identifier: Apache-2.0
// Tiles written into a matrix, as they are or transposed, streamed or not: every entry in its place
// and no other byte touched, wherever the matrix begins and however long its rows are.
#include <algorithm>
#include <string>

#include "check.h"
#include "cpu/aligned_buffer.h"
#include "cpu/isa/engine.h"
#include "cpu/tile.h"

namespace {

using namespace fastntk::cpu;

struct Case {
  const std::string& isa;
  long rows, cols;  // of the tile that are stored
  long offset;      // numbers between a cache line and the first entry
  long gap;         // numbers between two rows of the matrix
  bool streaming;
  bool transposed;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.isa << ", " << c.rows << " x " << c.cols << (c.transposed ? " transposed" : "")
             << ", offset " << c.offset << ", gap " << c.gap << (c.streaming ? ", streaming" : "");
}

template <class T>
void check_case(const AlignedBuffer<T>& tile, const Case& c) {
  constexpr T kUntouched = -1;
  const long height = c.transposed ? c.cols : c.rows, width = c.transposed ? c.rows : c.cols;
  const long stride = width + c.gap;
  // Not a number more than is written, so that AddressSanitizer sees what lies behind.
  const long count = c.offset + (height - 1) * stride + width;
  AlignedBuffer<T> matrix(count);
  std::fill_n(matrix.data(), count, kUntouched);
  const Engine<T>& chosen = engine<T>(c.isa);
  (c.transposed ? chosen.store_transposed : chosen.store_tile)(
      tile.data(), c.rows, c.cols, matrix.data() + c.offset, stride, c.streaming);
  long wrong = 0;
  for (long cell = 0; cell < count; ++cell) {
    const long row = cell < c.offset ? 0 : (cell - c.offset) / stride;
    const long col = cell < c.offset ? -1 : (cell - c.offset) % stride;
    const long from = c.transposed ? col * kTile + row : row * kTile + col;
    wrong += matrix[cell] != (col >= 0 && col < width ? tile[from] : kUntouched);
  }
  CHECK_AT_MOST(wrong, 0, c);
}

template <class T>
void stores() {
  AlignedBuffer<T> tile(kTileArea);
  for (long cell = 0; cell < kTileArea; ++cell)
    tile[cell] = static_cast<T>(cell);
  const long sizes[][2] = {{1, 1},  {1, 256}, {256, 1},  {3, 17},    {17, 3},    {15, 16},
                           {16, 9}, {31, 33}, {100, 64}, {255, 256}, {256, 255}, {256, 256}};
  for (const std::string& isa : supported_isas()) {
    for (const auto& [rows, cols] : sizes) {
      for (const long offset : {0, 1, 3, 7, 8, 15, 16}) {
        for (const long gap : {0, 1, 5, 16}) {
          for (const bool streaming : {false, true}) {
            for (const bool transposed : {false, true})
              check_case<T>(tile, {isa, rows, cols, offset, gap, streaming, transposed});
          }
        }
      }
    }
  }
}

}  // namespace

int main() {
  stores<float>();
  stores<double>();
  return test::summary();
}
