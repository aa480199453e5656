// SPDX-License-Identifier: Apache-2.0
#include "cpu/panels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "common/row_scale.h"
#include "cpu/tile.h"

namespace fastntk::cpu {
namespace {

constexpr long kCopyBytes = 16;
constexpr long kCacheLine = 64;

long word_bytes(Product product) {
  return product == Product::kWideInteger || product == Product::kDouble ? 8 : 4;
}

// Four rows of four words, their columns to four rows `height` words apart.
void transpose_block(const std::int32_t* rows, long stride, long height, std::int32_t* to) {
#if defined(__SSE2__)
  __m128i row[4];
  for (int r = 0; r < 4; ++r)
    row[r] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + r * stride));
  const __m128i low01 = _mm_unpacklo_epi32(row[0], row[1]);
  const __m128i low23 = _mm_unpacklo_epi32(row[2], row[3]);
  const __m128i high01 = _mm_unpackhi_epi32(row[0], row[1]);
  const __m128i high23 = _mm_unpackhi_epi32(row[2], row[3]);
  const __m128i column[4] = {_mm_unpacklo_epi64(low01, low23), _mm_unpackhi_epi64(low01, low23),
                             _mm_unpacklo_epi64(high01, high23),
                             _mm_unpackhi_epi64(high01, high23)};
  for (int k = 0; k < 4; ++k)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + k * height), column[k]);
#else
  for (int k = 0; k < 4; ++k) {
    for (int r = 0; r < 4; ++r)
      to[k * height + r] = rows[r * stride + k];
  }
#endif
}

void transpose_block(const double* rows, long stride, long height, double* to) {
  for (int k = 0; k < 4; ++k) {
    for (int r = 0; r < 4; ++r)
      to[k * height + r] = rows[r * stride + k];
  }
}

// [height][stride] words to a panel [steps / run][height][run].
template <class Word>
void write_panel(const Word* rows, long stride, long steps, int height, int run, Word* to) {
  if (run > 1 || height % 4 != 0) {
    for (long k = 0; k < steps; k += run) {
      for (int r = 0; r < height; ++r, to += run)
        std::copy_n(rows + r * stride + k, run, to);
    }
    return;
  }
  long k = 0;
  for (; k + 4 <= steps; k += 4) {
    for (int r = 0; r < height; r += 4)
      transpose_block(rows + r * stride + k, stride, height, to + k * height + r);
  }
  for (; k < steps; ++k) {
    for (int r = 0; r < height; ++r)
      to[k * height + r] = rows[r * stride + k];
  }
}

// `count` rows of a sheet to panels one after the other.
void write_panels(const char* sheet, long word, long stride, long count, long steps, int height,
                  int run, char* to) {
  for (long i = 0; i < count; i += height) {
    const char* rows = sheet + i * stride * word;
    char* panel = to + i * steps * word;
    if (word == 8) {
      write_panel(reinterpret_cast<const double*>(rows), stride, steps, height, run,
                  reinterpret_cast<double*>(panel));
    } else {
      write_panel(reinterpret_cast<const std::int32_t*>(rows), stride, steps, height, run,
                  reinterpret_cast<std::int32_t*>(panel));
    }
  }
}

// Bytes are allowed to alias anything: without the promise that they do not, no loop is a vector.
template <class Value>
void widen_less(const std::uint8_t* __restrict values, long count, Value offset,
                Value* __restrict to) {
  for (long k = 0; k < count; ++k)
    to[k] = static_cast<Value>(values[k] - offset);
}

std::uint32_t sum_of(const std::uint8_t* values, long count) {
  constexpr long kBlock = 256;  // 255 * 256 < 2^16
  std::uint32_t sum = 0;
  for (long begin = 0; begin < count; begin += kBlock) {
    std::uint16_t part = 0;
    for (long k = begin; k < std::min(count, begin + kBlock); ++k)
      part = static_cast<std::uint16_t>(part + values[k]);
    sum += part;
  }
  return sum;
}

// The nearest integers of factor x, below 2^23, ties to even: a tie is what half of the largest
// values are, and rounding them all away from zero would lengthen the row.
void round_row(const float* __restrict values, long count, double factor,
               std::int32_t* __restrict to) {
  long k = 0;
#if defined(__SSE2__)
  const float narrow = static_cast<float>(factor);
  if (std::isnormal(narrow)) {
    const __m128 all = _mm_set1_ps(narrow);
    for (; k + 4 <= count; k += 4) {
      const __m128 scaled = _mm_mul_ps(_mm_loadu_ps(values + k), all);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + k), _mm_cvtps_epi32(scaled));
    }
  }
#endif
  for (; k < count; ++k)
    to[k] = static_cast<std::int32_t>(std::nearbyint(values[k] * factor));
}

// The digits of rint(factor x), see panels.h.
void slice_row(const float* values, long count, double factor, std::uint8_t* __restrict first,
               std::uint8_t* __restrict second, std::uint8_t* __restrict third) {
  constexpr long kBlock = 256;
  std::int32_t integers[kBlock];
  for (long begin = 0; begin < count; begin += kBlock) {
    const long length = std::min(kBlock, count - begin);
    round_row(values + begin, length, factor, integers);
    for (long k = 0; k < length; ++k) {
      // 128 more in the two lower digits: each is then a byte of its own.
      const std::uint32_t digits = static_cast<std::uint32_t>(integers[k]) + 0x8080u;
      first[begin + k] = static_cast<std::uint8_t>(digits >> 16);
      second[begin + k] = static_cast<std::uint8_t>((digits >> 8) ^ 0x80u);
      third[begin + k] = static_cast<std::uint8_t>(digits ^ 0x80u);
    }
  }
}

// Scaling by a power of two rounds at most once: in float where the factor is one, else in double.
void scale_row(const float* values, long count, double factor, float* to) {
  const float narrow = static_cast<float>(factor);
  if (std::isnormal(narrow)) {
    for (long k = 0; k < count; ++k)
      to[k] = values[k] * narrow;
  } else {
    for (long k = 0; k < count; ++k)
      to[k] = static_cast<float>(values[k] * factor);
  }
}

template <class Value>
void scale_row(const Value* values, long count, double factor, double* to) {
  for (long k = 0; k < count; ++k)
    to[k] = values[k] * factor;
}

}  // namespace

ColumnGather::ColumnGather(const Samples& samples, const std::vector<long>& columns)
    : data_(static_cast<const char*>(samples.data)), rows_(samples.rows),
      row_bytes_(samples.columns * samples.value_bytes()) {
  const long value = samples.value_bytes();
  for (std::size_t first = 0, end; first < columns.size(); first = end) {
    for (end = first + 1; end < columns.size() && columns[end] == columns[end - 1] + 1;)
      ++end;
    const long begin = static_cast<long>(first), length = static_cast<long>(end - first);
    for (long done = 0; done < length * value; done += kCopyBytes)
      copies_.push_back({columns[first] * value + done, begin * value + done});
  }
}

void ColumnGather::operator()(long row, char* to) const {
  static_assert(kSlack >= kCopyBytes, "a copy ends within the slack");
  const char* from = data_ + row * row_bytes_;
  // The last rows would be read beyond the end of the data.
  std::vector<char> padded;
  if (!copies_.empty() && copies_.back().from + kCopyBytes > (rows_ - row) * row_bytes_) {
    padded.resize(row_bytes_ + kCopyBytes);
    std::copy_n(from, row_bytes_, padded.data());
    from = padded.data();
  }
  for (const Copy& copy : copies_)
    std::memcpy(to + copy.to, from + copy.from, kCopyBytes);
}

PanelPacker::PanelPacker(const Samples& samples, const std::vector<long>& columns, Product product,
                         const ProductShape& shape)
    : samples_(samples), product_(product), shape_(shape), gather_(samples, columns),
      columns_(static_cast<long>(columns.size())),
      steps_(round_up(ceil_div(columns_, shape.group), shape.left_run)), word_(word_bytes(product)),
      planes_(product == Product::kSlices ? 3 : 1),
      sheets_(product == Product::kInteger && shape.right_offset != 0 ? 2 : planes_) {
  // A line apart, so that the rows of a block do not compete for the same lines of the cache.
  stride_ = (round_up(steps_ * word_, kCacheLine) + kCacheLine) / word_;
}

long PanelPacker::block_rows() const { return std::max(shape_.left_rows, shape_.right_rows); }

std::size_t PanelPacker::gathered_bytes() const {
  return round_up(columns_ * samples_.value_bytes() + ColumnGather::kSlack, kCacheLine);
}

std::size_t PanelPacker::scratch_bytes() const {
  return gathered_bytes() + sheets_ * sheet_bytes();
}

void PanelPacker::pack_tile(long row, long padded_rows, const double* row_scale, char* left,
                            char* right, std::int32_t* start, char* scratch) const {
  char* gathered = scratch;
  char* sheets = scratch + gathered_bytes();
  std::memset(sheets, 0, sheets_ * sheet_bytes());
  for (long first = row; first < std::min(samples_.rows, row + kTile); first += block_rows()) {
    for (long i = 0; i < block_rows(); ++i) {
      char* words = sheets + i * stride_ * word_;
      if (first + i < samples_.rows) {
        fill(first + i, row_scale, gathered, words, start);
      } else {
        for (int sheet = 0; sheet < sheets_; ++sheet)
          std::memset(words + sheet * sheet_bytes(), 0, stride_ * word_);
      }
    }
    for (int plane = 0; plane < planes_; ++plane) {
      const std::size_t at = plane * plane_bytes(padded_rows) + plane_bytes(first);
      const char* right_sheet = sheets + (planes_ == 1 ? sheets_ - 1 : plane) * sheet_bytes();
      write_panels(sheets + plane * sheet_bytes(), word_, stride_, block_rows(), steps_,
                   shape_.left_rows, shape_.left_run, left + at);
      write_panels(right_sheet, word_, stride_, block_rows(), steps_, shape_.right_rows, 1,
                   right + at);
    }
  }
}

// One row's words in every sheet; what follows the columns stays zero.
void PanelPacker::fill(long row, const double* row_scale, char* gathered, char* sheets,
                       std::int32_t* start) const {
  gather_(row, gathered);
  const double inverse = 1 / row_scale[row];
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(gathered);
  const auto* floats = reinterpret_cast<const float*>(gathered);
  switch (product_) {
  case Product::kInteger:
    if (shape_.group == 4)
      return fill_integers<std::uint8_t>(row, bytes, sheets, start);
    if (shape_.group == 2)
      return fill_integers<std::int16_t>(row, bytes, sheets, start);
    return fill_integers<std::int32_t>(row, bytes, sheets, start);
  case Product::kSlices: {
    auto* digits = reinterpret_cast<std::uint8_t*>(sheets);
    return slice_row(floats, columns_, inverse * kFixedPointUnit, digits, digits + sheet_bytes(),
                     digits + 2 * sheet_bytes());
  }
  case Product::kFloat:
    return scale_row(floats, columns_, inverse, reinterpret_cast<float*>(sheets));
  default: {
    auto* words = reinterpret_cast<double*>(sheets);
    if (samples_.type == SampleType::kUint8)
      return scale_row(bytes, columns_, inverse, words);
    if (samples_.type == SampleType::kFloat32)
      return scale_row(floats, columns_, inverse, words);
    return scale_row(reinterpret_cast<const double*>(gathered), columns_, inverse, words);
  }
  }
}

template <class Value>
void PanelPacker::fill_integers(long row, const std::uint8_t* values, char* sheets,
                                std::int32_t* start) const {
  widen_less(values, columns_, Value(0), reinterpret_cast<Value*>(sheets));
  if (shape_.right_offset == 0)
    return;
  widen_less(values, columns_, static_cast<Value>(shape_.right_offset),
             reinterpret_cast<Value*>(sheets + sheet_bytes()));
  start[row] = static_cast<std::int32_t>(sum_of(values, columns_) *
                                         static_cast<std::uint32_t>(shape_.right_offset));
}

}  // namespace fastntk::cpu
