// SPDX-License-Identifier: Apache-2.0
#include "cpu/isa/matrix_unit.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fastntk::cpu {

#if defined(__x86_64__) && defined(__linux__)

namespace {

bool processor_has_it() {
  constexpr unsigned kTiles = 1u << 24, kBytes = 1u << 25;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kTiles) && (d & kBytes);
}

bool system_grants_it() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // arch_prctl(2)
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool matrix_unit_granted() {
  static const bool granted = processor_has_it() && system_grants_it();
  return granted;
}

#else

bool matrix_unit_granted() { return false; }

#endif

}  // namespace fastntk::cpu
