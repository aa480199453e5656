// SPDX-License-Identifier: Apache-2.0
// A thread's asynchronous copies into shared memory. They arrive as late as CUDA allows, when the
// thread waits for their group, and what lay there is gone as early as it may be, when the copy is
// asked for: so a read that comes before the wait, or before others have done with the old
// contents, sees poison.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace fastntk::cuda::emulation {

// Of all bytes: NaN in either floating type, -1 in a signed integer.
constexpr int kPoison = 0xff;
constexpr std::size_t kAsyncCopyBytes = 16;

class AsyncCopies {
public:
  // global == nullptr: zeros arrive.
  void add(void* shared, const void* global) {
    std::memset(shared, kPoison, kAsyncCopyBytes);
    copies_.push_back({shared, global, groups_});
  }

  void commit() { ++groups_; }

  // All groups but the `pending` last ones arrive.
  void wait(std::size_t pending) {
    const std::size_t groups = groups_ > pending ? groups_ - pending : 0;
    auto copy = copies_.begin();
    for (; copy != copies_.end() && copy->group < groups; ++copy) {
      if (copy->global == nullptr)
        std::memset(copy->shared, 0, kAsyncCopyBytes);
      else
        std::memcpy(copy->shared, copy->global, kAsyncCopyBytes);
    }
    copies_.erase(copies_.begin(), copy);
  }

  std::size_t outstanding() const { return copies_.size(); }

  void clear() {
    copies_.clear();
    groups_ = 0;
  }

private:
  struct Copy {
    void* shared;
    const void* global;
    std::size_t group;
  };
  std::vector<Copy> copies_;  // oldest group first
  std::size_t groups_ = 0;    // committed so far
};

}  // namespace fastntk::cuda::emulation
