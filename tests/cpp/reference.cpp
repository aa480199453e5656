// SPDX-License-Identifier: Apache-2.0
#include "reference.h"

#include <algorithm>
#include <cmath>

namespace test {

using fastntk::Activation;
using fastntk::ActivationKind;
using fastntk::LinearMap;
using fastntk::Network;
using fastntk::Samples;
using fastntk::SampleType;

namespace {

const Real kPi = std::acos(Real(-1));

Real squared(Real a) { return a * a; }
Real one_if_zero(Real a) { return a == 0 ? 1 : a; }

Real unit_of(double scale, const Samples& samples) { return squared(scale) / samples.columns; }

// Of the input layer, B = bias_std^2 / s.
Real bias_term(const LinearMap& map, Real unit) {
  return squared(map.bias_std) / (squared(map.weight_std) * unit);
}

// sin a - a cos a; below 1 by its series, the sum of -(-1)^k 2k / (2k + 1)! a^(2k + 1).
Real sine_minus_angle_cosine(Real a) {
  if (a >= 1)
    return std::sin(a) - a * std::cos(a);
  Real sum = 0, term = a;
  for (int k = 1; k < 15; ++k) {
    term *= -a * a / ((2 * k) * (2 * k + 1));
    sum -= term * (2 * k);
  }
  return sum;
}

// E[f(u) f(v)], E[f'(u) f'(v)] and the angle of the former.
struct Dual {
  Real value, slope, x, complement;
};

Dual relu_dual(Real x, Real complement, Real q, Real p) {
  const Real angle = 2 * std::atan2(std::sqrt(x), std::sqrt(complement));
  const Real rest = 2 * std::atan2(std::sqrt(complement), std::sqrt(x));
  const Real deficit = x - sine_minus_angle_cosine(angle) / (2 * kPi);
  const Real cosine = x > complement ? sine_minus_angle_cosine(rest) / kPi : 1 - 2 * deficit;
  return {std::sqrt(q) * std::sqrt(p) / 2 * cosine, rest / (2 * kPi), deficit, 1 - deficit};
}

Real own_erf_dual(Real q) { return 2 / kPi * std::atan2(2 * q, std::sqrt(1 + 4 * q)); }

Dual erf_dual(Real x, Real complement, Real q, Real p) {
  const Real product = std::sqrt(q) * std::sqrt(p);
  const Real sigma = product * (complement - x);
  const Real root = std::sqrt(1 + 2 * q + 2 * p + 16 * q * p * x * complement);
  const Real value = 2 / kPi * std::atan2(2 * sigma, root);
  const Real norm = std::sqrt(own_erf_dual(q)) * std::sqrt(own_erf_dual(p));
  const Real cosine = std::clamp<Real>(value / one_if_zero(norm), -1, 1);
  return {value, 4 / kPi / root, (1 - cosine) / 2, (1 + cosine) / 2};
}

Real own_dual(const Activation& activation, Real q) {
  return activation.kind == ActivationKind::kRelu ? q / 2 : own_erf_dual(q);
}

}  // namespace

ReferenceRows::ReferenceRows(const Samples& samples, double scale, const Network& network)
    : samples_(samples) {
  const LinearMap& map = network.maps[0];
  const Real unit = unit_of(scale, samples), bias = bias_term(map, unit);
  for (long i = 0; i < samples.rows; ++i) {
    Real square = 0;
    for (long k = 0; k < samples.columns; ++k) {
      square += squared(samples.at(i, k));
      negative_ = negative_ || samples.at(i, k) < 0;
    }
    variance_.push_back(squared(map.weight_std) * unit * square);
    if (samples.type == SampleType::kUint8) {
      norms_.push_back(static_cast<long long>(square));
      continue;
    }
    const Real radius = one_if_zero(std::sqrt(square + bias));
    for (long k = 0; k < samples.columns; ++k)
      unit_.push_back(samples.at(i, k) / radius);
    unit_.push_back(std::sqrt(bias) / radius);
  }
}

Reference::Reference(const Samples& x, const Samples* y, double scale, const Network& network)
    : network_(network), unit_(unit_of(scale, x)), rows_(x, scale, network),
      cols_(y ? *y : x, scale, network) {}

Reference::Pair Reference::first_pair(const ReferenceRows& a, long i, const ReferenceRows& b,
                                      long j) const {
  const long columns = a.samples_.columns;
  const Real bias = bias_term(network_.maps[0], unit_);
  if (a.samples_.type == SampleType::kUint8) {
    const auto* left = static_cast<const std::uint8_t*>(a.samples_.data) + i * columns;
    const auto* right = static_cast<const std::uint8_t*>(b.samples_.data) + j * columns;
    long long dot = 0;
    for (long k = 0; k < columns; ++k)
      dot += static_cast<long long>(left[k]) * right[k];
    const long long n = a.norms_[i], m = b.norms_[j];
    const Real g = std::sqrt(Real(n) + bias) * std::sqrt(Real(m) + bias), h = Real(dot) + bias;
    if (g == 0)
      return {0, Real(0.5), Real(0.5)};
    // The two products stay below 2^63 for up to 46,000 columns.
    const Real wedge = static_cast<Real>(n * m - dot * dot) + bias * (n + m - 2 * dot);
    return {Real(dot), wedge / (2 * g * (g + h)), (g + h) / (2 * g)};
  }
  const Real* left = a.unit_.data() + i * (columns + 1);
  const Real* right = b.unit_.data() + j * (columns + 1);
  Real difference = 0, sum = 0, dot = 0;
  bool left_empty = true, right_empty = true;
  for (long k = 0; k <= columns; ++k) {
    difference += squared(left[k] - right[k]);
    sum += squared(left[k] + right[k]);
    left_empty = left_empty && left[k] == 0;
    right_empty = right_empty && right[k] == 0;
  }
  for (long k = 0; k < columns; ++k)
    dot += Real(a.samples_.at(i, k)) * b.samples_.at(j, k);
  if (left_empty || right_empty)
    return {dot, Real(0.5), Real(0.5)};
  return {dot, difference / 4, sum / 4};
}

Entry Reference::entry(Pair pair, Real from_left, Real from_right) const {
  const LinearMap& input = network_.maps[0];
  Real q = from_left + squared(input.bias_std), p = from_right + squared(input.bias_std);
  Real nngp = squared(input.weight_std) * unit_ * pair.dot + squared(input.bias_std);
  Real ntk = nngp;
  for (int l = 0; l < network_.hidden_layers(); ++l) {
    const Activation& activation = network_.activations[l];
    const Real weights = squared(network_.maps[l + 1].weight_std);
    const Real biases = squared(network_.maps[l + 1].bias_std);
    const Dual dual = activation.kind == ActivationKind::kRelu
                          ? relu_dual(pair.x, pair.complement, q, p)
                          : erf_dual(pair.x, pair.complement, q, p);
    nngp = weights * dual.value + biases;
    ntk = weights * dual.slope * ntk + nngp;
    // The angle of w^2 K + b^2.
    const Real own_q = weights * own_dual(activation, q), own_p = weights * own_dual(activation, p);
    q = own_q + biases;
    p = own_p + biases;
    const Real w = std::sqrt(own_q / one_if_zero(q)), u = std::sqrt(own_p / one_if_zero(p));
    const Real v = std::sqrt(biases / one_if_zero(q)), t = std::sqrt(biases / one_if_zero(p));
    pair.x = w * u * dual.x + (squared(w - u) + squared(v - t)) / 4;
    pair.complement = w * u * dual.complement + (squared(w - u) + squared(v + t)) / 4;
  }
  return {ntk, nngp};
}

Reference::Measured Reference::measured(long i, long j) const {
  const Pair pair = first_pair(rows_, i, cols_, j);
  const Entry value = entry(pair, rows_.variance_[i], cols_.variance_[j]);
  const bool is_signed = rows_.negative_ || cols_.negative_;
  const bool relu =
      std::all_of(network_.activations.begin(), network_.activations.end(),
                  [](const Activation& a) { return a.kind == ActivationKind::kRelu; });
  const bool conditioned = relu && !(is_signed && network_.hidden_layers() == 0) && pair.dot >= 0;
  if (conditioned)
    return {value, value};
  const Entry a = entry(rows_, i, rows_, i), b = entry(cols_, j, cols_, j);
  return {value, {std::sqrt(a.ntk) * std::sqrt(b.ntk), std::sqrt(a.nngp) * std::sqrt(b.nngp)}};
}

}  // namespace test
