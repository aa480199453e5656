// SPDX-License-Identifier: Apache-2.0
// Which instruction sets there are, and which one runs.
#include "cpu/isa/engine.h"

#include <cstdlib>
#include <stdexcept>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "cpu/isa/matrix_unit.h"

namespace fastntk::cpu {

#define FASTNTK_DECLARE(isa)                                                                       \
  namespace isa {                                                                                  \
  template <class T>                                                                               \
  const Engine<T>& engine();                                                                       \
  }
FASTNTK_DECLARE(portable)
#if defined(__x86_64__)
FASTNTK_DECLARE(avx2)
FASTNTK_DECLARE(avx512)
FASTNTK_DECLARE(avx512vnni)
FASTNTK_DECLARE(amx)
#elif defined(__aarch64__)
FASTNTK_DECLARE(neondot)
#endif
#undef FASTNTK_DECLARE

namespace {

#if defined(__aarch64__)
// UDOT, an option of ARMv8.2-A.
bool has_dot_product() {
#if defined(__linux__)
  constexpr unsigned long kDotProduct = 1ul << 20;  // HWCAP_ASIMDDP, which old headers lack
  return (getauxval(AT_HWCAP) & kDotProduct) != 0;
#else
  return false;
#endif
}
#endif

struct InstructionSet {
  const char* name;
  bool (*supported)();
  const Engine<float>& (*engine32)();
  const Engine<double>& (*engine64)();
};

#define FASTNTK_ENTRY(isa, condition)                                                              \
  {#isa, [] { return static_cast<bool>(condition); }, isa::engine<float>, isa::engine<double>},
constexpr InstructionSet kSets[] = {
    FASTNTK_ENTRY(portable, true)
#if defined(__x86_64__)
        FASTNTK_ENTRY(avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            FASTNTK_ENTRY(avx512, __builtin_cpu_supports("avx512f") &&
                                      __builtin_cpu_supports("avx512bw") &&
                                      __builtin_cpu_supports("avx512dq") &&
                                      __builtin_cpu_supports("avx512vl"))
                FASTNTK_ENTRY(avx512vnni, __builtin_cpu_supports("avx512bw") &&
                                              __builtin_cpu_supports("avx512dq") &&
                                              __builtin_cpu_supports("avx512vl") &&
                                              __builtin_cpu_supports("avx512vnni"))
                    FASTNTK_ENTRY(amx, __builtin_cpu_supports("avx512bw") &&
                                           __builtin_cpu_supports("avx512dq") &&
                                           __builtin_cpu_supports("avx512vl") &&
                                           __builtin_cpu_supports("avx512vnni") &&
                                           matrix_unit_granted())
#elif defined(__aarch64__)
        FASTNTK_ENTRY(neondot, has_dot_product())
#endif
};
#undef FASTNTK_ENTRY

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

const InstructionSet& find(const std::string& name) {
  for (const InstructionSet& set : kSets) {
    if (name == set.name && set.supported())
      return set;
  }
  throw std::invalid_argument("FASTNTK_ISA must be one of what this processor runs (" +
                              joined(supported_isas()) + "), got '" + name + "'");
}

}  // namespace

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const InstructionSet& set : kSets)
    names.emplace_back(set.name);
  return names;
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const InstructionSet& set : kSets) {
    if (set.supported())
      names.emplace_back(set.name);
  }
  return names;
}

std::string selected_isa() {
  const char* forced = std::getenv("FASTNTK_ISA");
  return forced != nullptr && *forced != '\0' ? find(forced).name : supported_isas().back();
}

template <>
const Engine<float>& engine<float>(const std::string& isa) {
  return find(isa).engine32();
}

template <>
const Engine<double>& engine<double>(const std::string& isa) {
  return find(isa).engine64();
}

}  // namespace fastntk::cpu
