// SPDX-License-Identifier: Apache-2.0
#include "cpu/aligned_buffer.h"

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fastntk::cpu {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMapThreshold = std::size_t{32} << 20;

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

#if defined(__linux__)
void* map_huge(std::size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED)
    throw std::bad_alloc();
  madvise(data, bytes, MADV_HUGEPAGE);  // advice: a kernel that refuses it still gives the memory
  return data;
}
#endif

}  // namespace

void* allocate(std::size_t bytes) {
  if (bytes == 0)
    return nullptr;
#if defined(__linux__)
  if (bytes >= kMapThreshold)
    return map_huge(round_up(bytes, kHugePage));
#endif
  void* data = std::aligned_alloc(kCacheLine, round_up(bytes, kCacheLine));
  if (data == nullptr)
    throw std::bad_alloc();
  return data;
}

void* allocate_zeroed(std::size_t bytes) {
  void* data = allocate(bytes);
  if (bytes > 0 && bytes < kMapThreshold)  // a fresh mapping is zero
    std::memset(data, 0, bytes);
  return data;
}

void release(void* data, std::size_t bytes) noexcept {
  if (data == nullptr)
    return;
#if defined(__linux__)
  if (bytes >= kMapThreshold) {
    munmap(data, round_up(bytes, kHugePage));
    return;
  }
#endif
  std::free(data);
}

}  // namespace fastntk::cpu
