// SPDX-License-Identifier: Apache-2.0
// CUDA's barriers, shuffles and votes. Sites are not for callers: they are where the call stands.
#pragma once

#include "cuda/emulation/exchange.h"

#define threadIdx (::fastntk::cuda::emulation::current->index)
#define blockIdx (::fastntk::cuda::emulation::current->block->index)
#define blockDim (::fastntk::cuda::emulation::current->block->shape)
#define gridDim (::fastntk::cuda::emulation::current->block->grid)

namespace fastntk::cuda::emulation {

// The value that lane `source` of the caller's warp gave.
template <class T>
T shuffle(unsigned mask, T value, unsigned source, const Site& site) {
  const Thread& self = *current;
  if (!(mask & self.warp->present & 1u << source))
    misuse(self, " reads lane ", source, " in ", site, ", which takes no part in it");
  T result{};
  exchange(mask, value, site, [&](const auto& all) { result = all(source); });
  return result;
}

// The lanes of the mask whose predicate holds.
inline unsigned vote(unsigned mask, bool predicate, const Site& site) {
  unsigned result = 0;
  exchange(mask, predicate, site, [&](const auto& all) {
    for (unsigned lanes = mask & current->warp->present; lanes != 0; lanes &= lanes - 1)
      result |= all(__builtin_ctz(lanes)) ? lanes & -lanes : 0;
  });
  return result;
}

}  // namespace fastntk::cuda::emulation

inline void __syncthreads(
    fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__syncthreads")) {
  auto& self = *fastntk::cuda::emulation::current;
  self.block->wait_for_block(self, site);
}

inline void
__syncwarp(unsigned mask = 0xffffffff,
           fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__syncwarp")) {
  auto& self = *fastntk::cuda::emulation::current;
  self.block->wait_for_warp(self, mask, site);
}

// Lanes are counted within segments of `width`; a lane outside its segment is the caller's own.
template <class T>
T __shfl_sync(
    unsigned mask, T value, int source, int width = 32,
    fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__shfl_sync")) {
  const unsigned lane = fastntk::cuda::emulation::current->lane;
  const unsigned within = static_cast<unsigned>(width) - 1;
  return fastntk::cuda::emulation::shuffle(
      mask, value, (lane & ~within) | (static_cast<unsigned>(source) & within), site);
}

template <class T>
T __shfl_xor_sync(
    unsigned mask, T value, int lane_mask, int width = 32,
    fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__shfl_xor_sync")) {
  const unsigned lane = fastntk::cuda::emulation::current->lane;
  const unsigned within = static_cast<unsigned>(width) - 1;
  const unsigned source = lane ^ static_cast<unsigned>(lane_mask);
  return fastntk::cuda::emulation::shuffle(mask, value, source <= (lane | within) ? source : lane,
                                           site);
}

template <class T>
T __shfl_down_sync(
    unsigned mask, T value, unsigned delta, int width = 32,
    fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__shfl_down_sync")) {
  const unsigned lane = fastntk::cuda::emulation::current->lane;
  const unsigned within = static_cast<unsigned>(width) - 1;
  return fastntk::cuda::emulation::shuffle(
      mask, value, (lane & within) + delta <= within ? lane + delta : lane, site);
}

template <class T>
T __shfl_up_sync(
    unsigned mask, T value, unsigned delta, int width = 32,
    fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__shfl_up_sync")) {
  const unsigned lane = fastntk::cuda::emulation::current->lane;
  const unsigned within = static_cast<unsigned>(width) - 1;
  return fastntk::cuda::emulation::shuffle(mask, value,
                                           delta <= (lane & within) ? lane - delta : lane, site);
}

inline unsigned __ballot_sync(
    unsigned mask, int predicate,
    fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__ballot_sync")) {
  return fastntk::cuda::emulation::vote(mask, predicate != 0, site);
}

inline int
__any_sync(unsigned mask, int predicate,
           fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__any_sync")) {
  return fastntk::cuda::emulation::vote(mask, predicate != 0, site) != 0;
}

inline int
__all_sync(unsigned mask, int predicate,
           fastntk::cuda::emulation::Site site = fastntk::cuda::emulation::Site::at("__all_sync")) {
  return fastntk::cuda::emulation::vote(mask, predicate == 0, site) == 0;
}
