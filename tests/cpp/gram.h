// SPDX-License-Identifier: Apache-2.0
// The core as the tests call it: whole matrices, and products of any source.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "cpu/gram_drivers.h"
#include "cpu/limiting_kernel.h"
#include "cpu/multiply.h"

namespace test {

using fastntk::Network;
using fastntk::Samples;
using fastntk::TrainedShares;
using fastntk::cpu::LimitingKernel;
using fastntk::cpu::TileSource;

// hidden_layers + 1 equal linear maps.
inline Network network(int hidden_layers, double bias_std, double weight_std = 1.0,
                       fastntk::Activation activation = fastntk::ActivationKind::kRelu) {
  return {std::vector<fastntk::LinearMap>(hidden_layers + 1, {weight_std, bias_std}),
          std::vector<fastntk::Activation>(hidden_layers, activation)};
}

// Every map trained, and the last alone.
inline TrainedShares ntk_shares(const Network& net) {
  return {std::vector<double>(net.maps.size(), 1.0), std::vector<double>(net.maps.size(), 1.0)};
}
inline TrainedShares nngp_shares(const Network& net) {
  TrainedShares shares{std::vector<double>(net.maps.size(), 0.0),
                       std::vector<double>(net.maps.size(), 0.0)};
  shares.weights.back() = shares.biases.back() = 1.0;
  return shares;
}

// Every output of a source, whole, row-major.
template <class T>
std::vector<std::vector<T>> dense(const TileSource<T>& source, int threads,
                                  const std::string& isa = fastntk::cpu::selected_isa()) {
  // What is not written is not a number.
  std::vector<std::vector<T>> all(source.outputs(),
                                  std::vector<T>(source.rows() * source.cols(), T(NAN)));
  std::vector<T*> to;
  for (std::vector<T>& one : all)
    to.push_back(one.data());
  fastntk::cpu::write_dense(source, to, fastntk::cpu::engine<T>(isa), threads, nullptr);
  return all;
}

// K v of v [cols, k].
template <class T, class V>
std::vector<double> times(const TileSource<T>& source, const std::vector<V>& v, long k,
                          const std::string& isa, int threads) {
  std::vector<double> y(source.rows() * k, NAN);
  fastntk::cpu::multiply(source, v.data(), y.data(), k, fastntk::cpu::engine<V>(isa), threads,
                         nullptr);
  return y;
}

}  // namespace test
