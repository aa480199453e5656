// SPDX-License-Identifier: Apache-2.0
// The activations of a network with their tables in device memory.
#pragma once

#include <vector>

#include "common/network.h"
#include "cuda/upload.h"

namespace fastntk::cuda {

class DeviceActivations {
public:
  DeviceActivations(const Network& network, const Context& context)
      : activations_(network.activations) {
    for (const NumberTable& table : network.tables) {
      tables_.push_back(upload(context, *table));
      for (Activation& activation : activations_) {
        if (activation.table == table->data())
          activation.table = tables_.back().data();
      }
    }
  }

  // In host memory, pointing to device memory.
  const std::vector<Activation>& list() const { return activations_; }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const DeviceArray<double>& table : tables_)
      sum += table.bytes();
    return sum;
  }

private:
  std::vector<Activation> activations_;
  std::vector<DeviceArray<double>> tables_;
};

}  // namespace fastntk::cuda
