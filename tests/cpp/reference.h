// SPDX-License-Identifier: Apache-2.0
// Entries of limiting kernels in extended precision, one pair at a time: nothing of the core is
// used. A pair is described by x = (1 - cos theta) / 2 and 1 - x, both computed without subtracting
// nearly equal numbers; pixels enter through exact integers.
#pragma once

#include <limits>
#include <vector>

#include "common/network.h"
#include "common/samples.h"

namespace test {

using Real = long double;
static_assert(std::numeric_limits<Real>::digits >= 64, "a reference needs more digits than double");

struct Entry {
  Real ntk;
  Real nngp;
};

// One side of a matrix, prepared once.
class ReferenceRows {
public:
  ReferenceRows(const fastntk::Samples& samples, double scale, const fastntk::Network& network);

private:
  friend class Reference;
  fastntk::Samples samples_;
  std::vector<Real> variance_;    // what the weights add to q of the first preactivations
  std::vector<long long> norms_;  // pixels: |x|^2
  std::vector<Real> unit_;        // others: [rows, columns + 1], (x, sqrt B) / r
  bool negative_ = false;
};

class Reference {
public:
  // y == nullptr: the rows of x with themselves.
  Reference(const fastntk::Samples& x, const fastntk::Samples* y, double scale,
            const fastntk::Network& network);

  Entry entry(long i, long j) const { return entry(rows_, i, cols_, j); }

  // An entry, and what its errors are relative to: itself where it is well conditioned, else the
  // geometric mean of the two diagonal entries.
  struct Measured {
    Entry value, denominator;
  };
  Measured measured(long i, long j) const;

private:
  struct Pair {
    Real dot, x, complement;
  };

  Entry entry(const ReferenceRows& a, long i, const ReferenceRows& b, long j) const {
    return entry(first_pair(a, i, b, j), a.variance_[i], b.variance_[j]);
  }
  // Of the pair and what the weights add to its variances.
  Entry entry(Pair pair, Real from_left, Real from_right) const;
  Pair first_pair(const ReferenceRows& a, long i, const ReferenceRows& b, long j) const;

  fastntk::Network network_;
  Real unit_;  // scale^2 / columns
  ReferenceRows rows_;
  ReferenceRows cols_;
};

}  // namespace test
