// SPDX-License-Identifier: Apache-2.0
// Whether so many pairs of float rows are close that doubles are the faster way: judged on a fixed
// sample of pairs, a small one where there are few.
#pragma once

#include <cmath>

#include "common/index.h"

namespace fastntk {

FASTNTK_HD long close_pair_sample(long rows, long cols) {
  constexpr long kLargestSample = 400, kPairsPerSample = 512;
  return smaller(kLargestSample, rows * cols / kPairsPerSample + 1);
}

// The pair that is number s of the sample.
FASTNTK_HD long sampled_row(long s, long rows) { return s * 7919 % rows; }
FASTNTK_HD long sampled_col(long s, long cols) { return (s * 104729 + 1) % cols; }

struct PairSums {
  double dot, norm_x, norm_y;
};

// Would the pair be recomputed? threshold: close_deficit of common/product_choice.h.
FASTNTK_HD bool is_close(PairSums sums, double bias_term, double threshold) {
  return std::abs(sums.dot + bias_term) >
         (1 - 2 * threshold) * std::sqrt((sums.norm_x + bias_term) * (sums.norm_y + bias_term));
}

// More than a twentieth of the sample.
FASTNTK_HD bool too_many_close(long close, long sample) {
  constexpr double kShare = 0.05;
  return static_cast<double>(close) > kShare * static_cast<double>(sample);
}

}  // namespace fastntk
