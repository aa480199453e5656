// SPDX-License-Identifier: Apache-2.0
// Panels of every product against their definition, word by word.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "check.h"
#include "cpu/panels.h"
#include "cpu/tile.h"

namespace {

using namespace fastntk;
using namespace fastntk::cpu;

void check(bool good, const char* what, const ProductShape& shape, long row, long column) {
  ++test::checks;
  if (!good)
    test::fail(__FILE__, __LINE__, what, ": ", shape.left_rows, " x ", shape.right_rows, ", group ",
               shape.group, ", offset ", shape.right_offset, ", run ", shape.left_run, ": row ",
               row, ", column ", column);
}

// Byte of value `column` of a row in a panel of `height` rows.
long position(long row, long column, long steps, int height, int run, int group, int value_bytes) {
  const long step = column / group;
  const long word =
      ((row / height * (steps / run) + step / run) * height + row % height) * run + step % run;
  return word * group * value_bytes + column % group * value_bytes;
}

template <class Value>
double at(const std::vector<char>& panels, long byte) {
  Value value;
  std::memcpy(&value, panels.data() + byte, sizeof value);
  return static_cast<double>(value);
}

double stored(const std::vector<char>& panels, long byte, Product product, int group, bool left) {
  switch (product) {
  case Product::kInteger:
    if (group == 2)
      return at<std::int16_t>(panels, byte);
    return left ? at<std::uint8_t>(panels, byte) : at<std::int8_t>(panels, byte);
  case Product::kSlices:
    return at<std::int8_t>(panels, byte);
  case Product::kFloat:
    return at<float>(panels, byte);
  default:
    return at<double>(panels, byte);
  }
}

void check_product(Product product, const ProductShape& shape, const Samples& samples,
                   const std::vector<long>& columns, const std::vector<double>& row_scale) {
  const bool wide = product == Product::kDouble || product == Product::kWideInteger;
  const int value_bytes = (wide ? 8 : 4) / shape.group;
  const PanelPacker packer(samples, columns, product, shape);
  const long rows = static_cast<long>(row_scale.size()), count = columns.size();
  const long steps = packer.steps(), words = steps * shape.group;
  check(steps == round_up(ceil_div(count, shape.group), shape.left_run), "steps", shape, 0, 0);
  // Garbage, so that what is not written shows.
  std::vector<char> left(packer.bytes(rows), 85), right(left), scratch(packer.scratch_bytes(), 85);
  std::vector<std::int32_t> start(rows, 0);
  for (long row = 0; row < rows; row += kTile)
    packer.pack_tile(row, rows, row_scale.data(), left.data(), right.data(), start.data(),
                     scratch.data());
  const int planes = product == Product::kSlices ? 3 : 1;
  const long plane_bytes = rows * steps * (wide ? 8 : 4);
  check(static_cast<long>(left.size()) == planes * plane_bytes, "bytes", shape, 0, 0);
  // Rows behind the last block stay as they were.
  const long written = round_up(samples.rows, std::max(shape.left_rows, shape.right_rows));
  for (long i = 0; i < written; ++i) {
    long sum = 0;
    for (long k = 0; k < words; ++k) {
      const bool inside = i < samples.rows && k < count;
      const double value = inside ? samples.at(i, columns[k]) / row_scale[i] : 0;
      sum += product == Product::kInteger ? static_cast<long>(value) : 0;
      double found_left = 0, found_right = 0;
      for (int plane = 0; plane < planes; ++plane) {
        const double unit = std::ldexp(1.0, 8 * (planes - 1 - plane));
        found_left +=
            unit * stored(left,
                          plane * plane_bytes + position(i, k, steps, shape.left_rows,
                                                         shape.left_run, shape.group, value_bytes),
                          product, shape.group, true);
        found_right += unit * stored(right,
                                     plane * plane_bytes + position(i, k, steps, shape.right_rows,
                                                                    1, shape.group, value_bytes),
                                     product, shape.group, shape.right_offset == 0);
      }
      const double wanted = planes == 3 ? std::nearbyint(std::ldexp(value, 22))
                            : product == Product::kFloat
                                ? static_cast<double>(static_cast<float>(value))
                                : value;
      check(found_left == wanted, "left", shape, i, k);
      check(found_right == wanted - (inside ? shape.right_offset : 0), "right", shape, i, k);
    }
    if (product == Product::kInteger)
      check(start[i] == sum * shape.right_offset, "start", shape, i, 0);
  }
}

}  // namespace

int main() {
  std::mt19937 random(0);
  for (const long columns : {1L, 3L, 70L, 200L}) {
    constexpr long kRows = 300;
    const long padded = round_up(kRows, kTile);
    std::vector<std::uint8_t> bytes(kRows * columns);
    std::vector<float> floats(kRows * columns);
    std::vector<double> doubles(kRows * columns);
    std::vector<double> scales(padded, 1.0), ones(padded, 1.0);
    for (long i = 0; i < kRows; ++i)
      scales[i] = std::ldexp(1.0, static_cast<int>(random() % 240) - 120);
    for (std::size_t c = 0; c < bytes.size(); ++c) {
      bytes[c] = static_cast<std::uint8_t>(random());
      const double value = std::uniform_real_distribution<double>(-1.99, 1.99)(random);
      doubles[c] = value * scales[c / columns];
      floats[c] = static_cast<float>(doubles[c]);
    }
    const Samples pixels{bytes.data(), SampleType::kUint8, kRows, columns};
    const Samples singles{floats.data(), SampleType::kFloat32, kRows, columns};
    const Samples numbers{doubles.data(), SampleType::kFloat64, kRows, columns};
    for (const int kept : {100, 70, 0}) {  // percent of the columns
      std::vector<long> useful;
      for (long k = 0; k < columns; ++k) {
        if (static_cast<int>(random() % 100) < kept)
          useful.push_back(k);
      }
      for (const ProductShape& shape :
           {ProductShape{8, 32, 4, 128, 1}, ProductShape{4, 16, 2, 0, 1},
            ProductShape{4, 8, 2, 0, 1}, ProductShape{16, 16, 4, 0, 16}})
        check_product(Product::kInteger, shape, pixels, useful, ones);
      check_product(Product::kWideInteger, {8, 16, 1, 0, 1}, pixels, useful, ones);
      check_product(Product::kFloat, {8, 32, 1, 0, 1}, singles, useful, scales);
      check_product(Product::kSlices, {16, 16, 4, 0, 16}, singles, useful, scales);
      check_product(Product::kDouble, {4, 4, 1, 0, 1}, singles, useful, scales);
      check_product(Product::kDouble, {8, 16, 1, 0, 1}, numbers, useful, scales);
    }
  }
  return test::summary();
}
