// SPDX-License-Identifier: Apache-2.0
// The dual of erf where rows differ in norm alone: its deficit is what a solid angle leaves, and that
// is small for large variances; and where variances leave the range of their products.
#include <cmath>
#include <limits>
#include <string>

#include "check.h"
#include "common/activations/erf.h"
#include "common/angle_extended.h"

namespace {

using namespace fastntk;

const Erf kErf(nullptr);

template <class T>
struct Row {
  T scalars[kMaxRowScalars] = {};
  explicit Row(Extended q) {
    const RowDual<Extended> dual = kErf.row_step<Extended>(q);
    for (int k = 0; k < Erf::kRowScalars; ++k)
      scalars[k] = static_cast<T>(dual.scalars[k]);
  }
};

template <class T>
PairDual<T> pair(Extended q, Extended p, T x) {
  return plain_dual(kErf.pair_step<kFolded>(x, Row<T>(q).scalars, Row<T>(p).scalars));
}

// With a = sqrt(2 q): phi_q + phi_q' - 2 phi is the solid angle, seen from height 1, of a square whose
// corners on the diagonal are (a, a) and (a', a'), and that of two equal triangles
// [van Oosterom and Strackee 1983].
Extended deficit_of_norms(Extended q, Extended p) {
  const Extended a = std::sqrt(2 * q), b = std::sqrt(2 * p);
  const Extended ra = std::sqrt(1 + 4 * q), rb = std::sqrt(1 + 4 * p);
  const Extended rab = std::sqrt(1 + 2 * q + 2 * p), product = a * b;
  const Extended base = ra * rb * rab + (1 + 2 * product) * rab + (1 + 2 * q + product) * rb +
                        (1 + 2 * p + product) * ra;
  const Extended solid_angle = 4 * std::atan((a - b) * (a - b) / base);
  const auto root = [](Extended v) {
    return std::sqrt(std::atan2(2 * v, std::sqrt(1 + 4 * v)));  // of asin(2 v / (1 + 2 v))
  };
  const Extended roots = root(q) - root(p);
  return (solid_angle - roots * roots) / (4 * root(q) * root(p));
}

std::string where(double q, double p) {
  std::ostringstream text;
  text.precision(17);
  text << "q=" << q << " q'=" << p;
  return text.str();
}

// The next layer's angle is the deficit's root: it may err by a few roundings of row scalars.
template <class T>
void check_norms(double bound) {
  for (const double q : {0.5, 1.0, 30.0, 1e6, 1e12, 1e20, 1e32}) {
    for (const double apart : {1e-12, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3}) {
      const double p = q * (1 + apart);
      const Extended root = std::sqrt(deficit_of_norms(q, p));
      const Extended found = std::sqrt(Extended(pair<T>(q, p, 0).deficit));
      CHECK_AT_MOST(std::fabs(found - root), bound, where(q, p));
      const PairDual<T> dual = pair<T>(q, p, T(1e-6)), transpose = pair<T>(p, q, T(1e-6));
      CHECK(dual.deficit == transpose.deficit && dual.slope == transpose.slope);
    }
  }
}

// f is linear for rows this short, and the deficit that of the data.
void check_short_rows() {
  for (const Extended q : {1e-4000L, 1e-320L, 1e-290L, 1e-200L}) {
    for (const double x : {0.0, 1e-12, 0.3, -0.3}) {
      const PairDual<double> dual = pair<double>(q, q, x);
      const double plain = x < 0 ? 1 + x : x;
      CHECK_AT_MOST(std::fabs(dual.deficit - plain), 4e-16 * plain, where(double(q), x));
      CHECK_AT_MOST(std::fabs(dual.slope - 1), 4e-16, where(double(q), x));
    }
  }
}

}  // namespace

int main() {
  check_norms<double>(5e-16);
  check_norms<float>(3e-7);
  check_short_rows();
  return test::summary();
}
