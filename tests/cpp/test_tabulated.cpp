// SPDX-License-Identifier: Apache-2.0
// A tabulated dual read from tables made by hand, whose sums are known.
#include <cmath>
#include <random>
#include <vector>

#include "check.h"
#include "common/activations/tabulated.h"
#include "common/jet_angle.h"
#include "dual_table.h"

namespace {

using fastntk::Extended;
using fastntk::PairDual;
using fastntk::Tabulated;

constexpr double kMiddle = 0.25, kInverseHalfWidth = 0.8;

// Row scalars r = 0, 1, ... are (1 + r l) / (1 + r): series in l = (log q - middle) / half width. Of
// polynomials the first is less 1.
std::vector<double> table(int rank, double kind, double width, double scale, double offset,
                          double powers, const std::vector<double>& pairs) {
  std::vector<double> numbers = {
      double(rank), 2, kMiddle, kInverseHalfWidth, kind, width, scale, offset, powers, 0.25, 0.5,
      1.5,          0, 0};
  const auto less = [&](int r) { return kind != 2 && r == 0 ? 1.0 : 0.0; };
  for (int r = 0; r < rank; ++r)
    numbers.push_back(0.5 + r - less(r));  // of a row of variance 0
  const double moment[] = {1.0, 0.125}, slope[] = {0.75, -0.0625};
  numbers.insert(numbers.end(), moment, moment + 2);
  numbers.insert(numbers.end(), slope, slope + 2);
  for (int r = 0; r < rank; ++r) {
    numbers.push_back(1.0 / (1 + r) - less(r));
    numbers.push_back(double(r) / (1 + r));
  }
  return test::dual_table(numbers, pairs);
}

Extended scalar(int r, double q) {
  const Extended l = (logl(q) - kMiddle) * kInverseHalfWidth;
  return (1 + r * l) / (1 + r);
}

template <class T>
PairDual<T> pair_of(const Tabulated& act, double q, double p, T x) {
  const auto left = act.row_step<Extended>(q), right = act.row_step<Extended>(p);
  T a[fastntk::kMaxRowScalars], b[fastntk::kMaxRowScalars];
  for (int r = 0; r < act.row_scalars(); ++r) {
    a[r] = static_cast<T>(left.scalars[r]);
    b[r] = static_cast<T>(right.scalars[r]);
  }
  return act.pair_step<fastntk::kAnyAngle>(x, a, b);
}

Extended apart(int rank, double q, double p) {
  Extended sum = 0;
  for (int r = 0; r < rank; ++r)
    sum += (scalar(r, q) - scalar(r, p)) * (scalar(r, q) - scalar(r, p)) / 4;
  return sum;
}

// Orders, whose terms are S_k (1 - c^k) / 2 and k S_k c^(k - 1).
PairDual<Extended> mehler(const std::vector<double>& orders, double q, double p, Extended x) {
  const Extended c = 1 - 2 * x;
  PairDual<Extended> sum{apart(static_cast<int>(orders.size()), q, p), 0};
  for (std::size_t r = 0; r < orders.size(); ++r) {
    const Extended product = scalar(static_cast<int>(r), q) * scalar(static_cast<int>(r), p);
    sum.deficit -=
        product * std::expm1(orders[r] * std::log1p(-2 * std::min(x, Extended(0.25)))) / 2;
    if (x > Extended(0.25))
      sum.deficit += product * (powl(0.5L, orders[r]) - powl(c, orders[r])) / 2;
    if (orders[r] > 0)
      sum.slope += orders[r] * product * powl(c, orders[r] - 1);
  }
  return sum;
}

// Of x, (l and l') in 0.6 to 2.5, with the roundings of T.
template <class T, class Exact>
void check_pairs(const std::vector<double>& numbers, double bound, const Exact& exact) {
  CHECK(Tabulated::is_table(numbers.data(), numbers.size()));
  const Tabulated act(numbers.data());
  std::mt19937 random(7);
  std::uniform_real_distribution<double> variance(0.6, 2.5), deficit(0.0, 1.0);
  for (int i = 0; i < 2000; ++i) {
    const double q = variance(random), p = i % 4 == 0 ? q : variance(random);
    const T x =
        i % 8 == 0 ? static_cast<T>(std::ldexp(1.0, -i % 40)) : static_cast<T>(deficit(random));
    const PairDual<T> found = pair_of<T>(act, q, p, x), mirrored = pair_of<T>(act, p, q, x);
    CHECK_EQUAL(found.deficit, mirrored.deficit);
    CHECK_EQUAL(found.slope, mirrored.slope);
    const PairDual<Extended> expected = exact(q, p, static_cast<Extended>(x));
    // Relative to the deficit at acute angles of rows of one variance.
    const Extended size = q == p && x < T(0.5) ? expected.deficit : Extended(1);
    CHECK_AT_MOST(fabsl(found.deficit - expected.deficit), bound * size, x);
    CHECK_AT_MOST(fabsl(found.slope - expected.slope), 8 * bound, x);
  }
}

void check_hermite() {
  for (const std::vector<double>& orders :
       {std::vector<double>{1}, {0, 1, 3, 5}, {2, 4, 5, 6}, {0, 2}, {1, 2, 3, 4, 6, 8, 10}}) {
    const auto numbers = table(static_cast<int>(orders.size()), 2, 0, 1, 0, 0, orders);
    const auto exact = [&](double q, double p, Extended x) { return mehler(orders, q, p, x); };
    check_pairs<float>(numbers, 4e-6, exact);
    check_pairs<double>(numbers, 8e-15, exact);
  }
}

// Pairs (0, 0), (0, 1), (1, 1) of rank 2: gap and slope from the highest term down.
void check_polynomials() {
  const std::vector<double> pairs = {2, 1, 3,     1,    2,    0.25, -0.5, 0.5, 1,
                                     1, 2, 0.125, 0.75, -0.5, 0.25, 1,    0.5};
  for (const bool powers : {true, false}) {
    for (const int kind : {0, 1}) {
      const double width = 0.3, scale = 1.5, offset = -0.25;
      const auto numbers = table(2, kind, width, scale, offset, powers, pairs);
      const auto exact = [&](double q, double p, Extended x) {
        const Extended c = 1 - 2 * x, w = static_cast<Extended>(width);
        Extended s = c * (1 + w) / (1 + sqrtl(w * w + (1 - w * w) * 4 * x * (1 - x)));
        if (kind == 0)
          s = 2 * asinl(sqrtl(x)) / fastntk::kExtendedPi;
        const Extended sigma = scale * s + offset;
        const Extended second = powers ? sigma * sigma : 2 * sigma * sigma - 1;
        const Extended own = scalar(0, q) * scalar(0, p), last = scalar(1, q) * scalar(1, p);
        const Extended mixed = scalar(0, q) * scalar(1, p) + scalar(1, q) * scalar(0, p);
        const Extended gap =
            own * (0.25L * second + 0.5L * sigma + 1) + 0.125L * mixed + last * (-0.5L * sigma + 1);
        const Extended slope =
            own * (-0.5L * second + sigma + 2) + 0.75L * mixed + last * (0.25L * sigma + 0.5L);
        return PairDual<Extended>{apart(2, q, p) + x * gap, slope};
      };
      check_pairs<float>(numbers, 3e-6, exact);
      check_pairs<double>(numbers, 6e-15, exact);
    }
  }
}

void check_rows() {
  const auto numbers = table(3, 2, 0, 1, 0, 0, {0, 1, 2});
  const Tabulated act(numbers.data());
  CHECK_EQUAL(act.row_scalars(), 3);
  CHECK_EQUAL(act.square_at_zero(), 0.25);
  for (const double q : {0.5, 1.0, 2.0}) {
    const auto row = act.row_step<double>(q);
    const Extended l = (logl(q) - kMiddle) * kInverseHalfWidth;
    CHECK_AT_MOST(fabsl(row.second_moment - (0.5L + 1.5L * q) * (1 + 0.125L * l)), 2e-15, q);
    CHECK_AT_MOST(fabsl(row.slope - (0.75L - 0.0625L * l)), 1e-15, q);
    fastntk::Jet<double, 1> jet(q);
    jet.by[0] = 1;
    const auto by_q = act.row_step<fastntk::Jet<double, 1>>(jet);
    const double expected = 2.0 / 3 * kInverseHalfWidth / q;  // of (1 + 2 l) / 3
    CHECK_AT_MOST(std::fabs(by_q.scalars[2].by[0] - expected), 1e-15, q);
    const auto wide = act.row_step<fastntk::WideDouble>(q);
    CHECK_AT_MOST(std::fabs(static_cast<double>(wide.scalars[1]) - row.scalars[1]), 4e-16, q);
  }
  const auto zero = act.row_step<double>(0);
  CHECK_EQUAL(zero.second_moment, 0.25);
  CHECK_EQUAL(zero.scalars[1], 1.5);
  // A row that the table does not cover has finite numbers.
  CHECK(std::isfinite(act.row_step<double>(1e300).scalars[2]));
}

// The deficit's derivative by x is the slope [Price 1958]; jets find it at x = 0, too.
void check_jets() {
  const auto numbers = table(4, 2, 0, 1, 0, 0, {0, 1, 3, 5});
  const Tabulated act(numbers.data());
  const auto left = act.row_step<double>(0.8), right = act.row_step<double>(1.9);
  using Jet = fastntk::Jet<double, 1>;
  Jet a[4], b[4];
  for (int r = 0; r < 4; ++r) {
    a[r] = Jet(left.scalars[r]);
    b[r] = Jet(right.scalars[r]);
  }
  for (const double x : {0.0, 1e-12, 0.2, 0.5, 0.9, 1.0}) {
    Jet jet(x);
    jet.by[0] = 1;
    const auto plain = act.pair_step<fastntk::kAnyAngle>(x, left.scalars, right.scalars);
    const auto found = act.pair_step<fastntk::kAnyAngle>(jet, a, b);
    CHECK_AT_MOST(std::fabs(found.deficit.by[0] - plain.slope), 1e-14, x);
    const double folded = x > 0.5 ? x - 1 : x;
    if (x < 1) {
      const auto same = act.pair_step<fastntk::kFolded>(folded, left.scalars, right.scalars);
      CHECK_AT_MOST(std::fabs(same.deficit - plain.deficit), 1e-15, x);
    }
  }
}

void check_sizes() {
  auto numbers = table(2, 2, 0, 1, 0, 0, {0, 1});
  numbers.pop_back();
  CHECK(!Tabulated::is_table(numbers.data(), numbers.size()));
  CHECK(!Tabulated::is_table(nullptr, 0));
}

}  // namespace

int main() {
  check_hermite();
  check_polynomials();
  check_rows();
  check_jets();
  check_sizes();
  return test::summary();
}
