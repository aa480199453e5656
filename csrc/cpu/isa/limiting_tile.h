// SPDX-License-Identifier: Apache-2.0
// A tile of a limiting Gram matrix: products -> deficits -> layers -> scaled kernel values, strip
// by strip.
//
// One right panel (columns) meets eight or sixteen left panels (rows): its words come from the
// first or second cache level while the recursion runs on the strip's x and t. On a diagonal tile
// the strips below the diagonal are skipped, the rest is mirrored and the diagonal is set from its
// closed form, so that the tile is symmetric to the bit.
#pragma once

#include "cpu/isa/deficits.h"
#include "cpu/isa/layer_pass.h"

namespace fastntk::cpu::FASTNTK_ISA {

constexpr int kWidestStrip = kRightRows<float>;

template <class T>
struct StripScratch {
  alignas(64) std::int32_t integers[kStripRows * kWidestStrip];
  alignas(64) double sums[kStripRows * kWidestStrip];
  alignas(64) double wide[kStripRows * kWidestStrip];
  // Deficits of the first layer, kept for every output.
  alignas(64) T first[kStripRows * kWidestStrip];
  alignas(64) T x[kStripRows * kWidestStrip];
  alignas(64) T t[kStripRows * kWidestStrip];
};

template <class Word, class T>
FASTNTK_HD const Word* panel(const AlignedBuffer<char>& panels, const Operand<T>& operand,
                             long row) {
  return reinterpret_cast<const Word*>(panels.data()) + row * operand.steps;
}

template <class T>
int strip_width(Product product) {
  return product == Product::kInteger || product == Product::kFloat ? kRightRows<float>
                                                                    : kRightRows<double>;
}

// Products of the strip, into integers (exact 32-bit) or sums.
template <class T>
void strip_products(const LimitingPlan<T>& plan, const Strip& strip, StripScratch<T>& s) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  switch (plan.product) {
  case Product::kInteger:
    return strip_products(panel<std::int32_t>(a.left, a, strip.row),
                          panel<std::int32_t>(b.right, b, strip.col), a.steps, &a.start[strip.row],
                          strip.count, s.integers);
  case Product::kFloat:
    return strip_products(panel<float>(a.left, a, strip.row), panel<float>(b.right, b, strip.col),
                          a.steps, nullptr, strip.count, s.sums);
  default:
    return strip_products(panel<double>(a.left, a, strip.row), panel<double>(b.right, b, strip.col),
                          a.steps, nullptr, strip.count, s.sums);
  }
}

template <class T>
void narrow(const double* from, T* to, long count) {
  for (long c = 0; c < count; c += Pack<T>::kLanes)
    Pack<T>::convert(from + c).store(to + c);
}

template <class T>
void strip_deficits(const LimitingPlan<T>& plan, const Strip& strip, StripScratch<T>& s) {
  const Operand<T>& a = *plan.rows;
  const Operand<T>& b = *plan.cols;
  const double bias = plan.input.bias_term();
  if (plan.product == Product::kInteger) {
    const T margin = integer_deficits<Pack<T>>(strip, bias, s.integers, a.norms_modular,
                                               b.norms_modular, a.radius, b.radius, s.first);
    if (margin < 0)
      repair_integer_deficits(plan, strip, s.integers, a.radius, b.radius, s.first);
    return;
  }
  if (plan.product == Product::kWideInteger) {
    const double margin = integer_deficits<F64>(strip, bias, s.sums, a.norms_wide, b.norms_wide,
                                                a.radius_wide, b.radius_wide, s.wide);
    if (margin < 0)
      repair_integer_deficits(plan, strip, s.sums, a.radius_wide, b.radius_wide, s.wide);
  } else if (product_deficits(plan, strip, s.sums, s.wide) < plan.close_deficit) {
    if (a.samples.type == SampleType::kFloat32)
      repair_close_pairs<float>(plan, strip, s.wide);
    else
      repair_close_pairs<double>(plan, strip, s.wide);
  }
  narrow(s.wide, s.first, strip.count * strip.width);
}

// Runs the layers for one output; leaves t.
template <class T>
void strip_layers(const LimitingPlan<T>& plan, const TrainedShares& shares, const Strip& strip,
                  StripScratch<T>& s) {
  using V = Pack<T>;
  const auto shares_of = [&](std::size_t l) {
    return Shares<T>{static_cast<T>(shares.weights[l]), static_cast<T>(shares.biases[l])};
  };
  const RowTable<T>& rows = plan.rows->table;
  const RowTable<T>& cols = plan.cols->table;
  const Shares<V> first{V(shares_of(0).weights), V(shares_of(0).biases)};
  for (long i = 0; i < strip.count; ++i) {
    const MixingScalars<V> a{V(rows.first.w[strip.row + i]), V(rows.first.v[strip.row + i])};
    for (int j = 0; j < strip.width; j += V::kLanes) {
      const MixingScalars<V> b{V::load(&cols.first.w[strip.col + j]),
                               V::load(&cols.first.v[strip.col + j])};
      const V x = V::load(s.first + i * strip.width + j);
      x.store(s.x + i * strip.width + j);
      first_layer(unfold(x), a, b, first).store(s.t + i * strip.width + j);
    }
  }
  for (std::size_t l = 0; l < plan.layers.size(); ++l) {
    const LayerPlan& layer = plan.layers[l];
    select_pass<T>(layer.activation, layer.angle_level,
                   layer.equal)({s.x, s.t, strip.row, strip.col, strip.count, strip.width,
                                 &rows.layers[l], &cols.layers[l], shares_of(l + 1)});
  }
}

// Theta = t sqrt(q q').
template <class T>
void store_scaled(const LimitingPlan<T>& plan, const Strip& strip, const StripScratch<T>& s,
                  T* tile) {
  using V = Pack<T>;
  for (long i = 0; i < strip.count; ++i) {
    const V scale(plan.rows->table.scale[strip.row + i]);
    T* to = tile + ((strip.row + i) % kTile) * kTile + strip.col % kTile;
    for (int j = 0; j < strip.width; j += V::kLanes) {
      (V::load(s.t + i * strip.width + j) *
       (scale * V::load(&plan.cols->table.scale[strip.col + j])))
          .store(to + j);
    }
  }
}

// Without hidden layers the kernel is affine in the inner product, and comes from it:
//   weights s x . x' + biases bias_std^2.
template <class T>
void store_linear(const LimitingPlan<T>& plan, const TrainedShares& shares, const Strip& strip,
                  const StripScratch<T>& s, T* tile) {
  const double weights = shares.weights[0] * plan.input.s;
  const double bias = shares.biases[0] * plan.input.bias_std * plan.input.bias_std;
  for (long i = 0; i < strip.count; ++i) {
    const double left = weights * (plan.input.data_scale * plan.rows->row_scale[strip.row + i]);
    T* to = tile + ((strip.row + i) % kTile) * kTile + strip.col % kTile;
    for (int j = 0; j < strip.width; ++j) {
      const long cell = i * strip.width + j;
      const double dot =
          plan.product == Product::kInteger ? static_cast<double>(s.integers[cell]) : s.sums[cell];
      const double right = plan.input.data_scale * plan.cols->row_scale[strip.col + j];
      to[j] = static_cast<T>(left * right * dot + bias);
    }
  }
}

template <class T>
void mirror_diagonal_tile(const AlignedBuffer<T>& diagonal, long row, long count, T* tile) {
  for (long i = 0; i < count; ++i) {
    for (long j = 0; j < i; ++j)
      tile[i * kTile + j] = tile[j * kTile + i];
    tile[i * kTile + i] = diagonal[row + i];
  }
}

template <class T>
void limiting_tile(const LimitingPlan<T>& plan, long bi, long bj, T* tiles, char* scratch) {
  StripScratch<T>& s = *reinterpret_cast<StripScratch<T>*>(scratch);
  const bool diagonal = plan.symmetric() && bi == bj;
  const long row_end =
      smaller(plan.rows->padded_rows, round_up(plan.rows->samples.rows, kLeftRows));
  const long col_end = plan.cols->samples.rows;
  const int width = strip_width<T>(plan.product);
  for (long col = bj * kTile; col < smaller(col_end, (bj + 1) * kTile); col += width) {
    for (long row = bi * kTile; row < smaller(row_end, (bi + 1) * kTile); row += kStripRows) {
      if (diagonal && row >= col + width)
        break;
      const Strip strip{row, col, smaller(kStripRows, row_end - row), width};
      strip_products(plan, strip, s);
      if (!plan.layers.empty())
        strip_deficits(plan, strip, s);
      for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        T* tile = tiles + o * kTileArea;
        if (plan.layers.empty()) {
          store_linear(plan, plan.outputs[o], strip, s, tile);
        } else {
          strip_layers(plan, plan.outputs[o], strip, s);
          store_scaled(plan, strip, s, tile);
        }
      }
    }
  }
  if (!diagonal)
    return;
  for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
    mirror_diagonal_tile(plan.rows->table.diagonals[o], bi * kTile,
                         smaller(kTile, col_end - bi * kTile), tiles + o * kTileArea);
  }
}

}  // namespace fastntk::cpu::FASTNTK_ISA
