// SPDX-License-Identifier: Apache-2.0
// The elementwise steps of a network's passes on an emulated GPU, to the bit as the CPU has them.
#include <vector>

#include "check.h"
#include "cpu/pointwise.h"
#include "cuda/pointwise.h"
#include "emulated_gpu.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Activation;
using fastntk::ActivationKind;

template <class T>
std::vector<T> numbers(long count, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> values(count);
  for (T& value : values)
    value = random.below(8) == 0 ? T(0) : static_cast<T>(3 * random.bell());
  return values;
}

template <class T>
void check_activate(const Activation& f, long rows, long cols, bool shifted, bool valued) {
  const std::vector<T> start = numbers<T>(rows * cols, 1), shift = numbers<T>(cols, 2);
  const T factor = static_cast<T>(0.3);
  std::vector<T> expected = start, values(start.size(), T(7)), expected_values = values;
  const T* added = shifted ? shift.data() : nullptr;
  fastntk::cpu::activate(f, factor, added, rows, cols, expected.data(),
                         valued ? expected_values.data() : nullptr, 1);
  in_every_order([&] {
    std::vector<T> z = start;
    fastntk::cuda::activate(f, factor, added, rows, cols, z.data(),
                            valued ? values.data() : nullptr, gpu());
    CHECK(z == expected);
    CHECK(values == expected_values);
  });
}

template <class T>
void check_slope(const Activation& f, long rows, long cols, long outputs) {
  const std::vector<T> z = numbers<T>(rows * cols, 1);
  std::vector<T> expected = numbers<T>(rows * outputs * cols, 3), signals = expected;
  fastntk::cpu::apply_slope(f, T(2), z.data(), rows, cols, outputs, expected.data(), 1);
  fastntk::cuda::apply_slope(f, T(2), z.data(), rows, cols, outputs, signals.data(), gpu());
  CHECK(signals == expected);
}

template <class T>
void check() {
  for (const ActivationKind f : {ActivationKind::kRelu, ActivationKind::kErf}) {
    for (const long rows : {0L, 1L, 33L, 70L}) {
      for (const long cols : {0L, 1L, 31L, 65L}) {
        for (const bool shifted : {false, true}) {
          for (const bool valued : {false, true})
            check_activate<T>(f, rows, cols, shifted, valued);
        }
        for (const long outputs : {1L, 3L})
          check_slope<T>(f, rows, cols, outputs);
      }
    }
  }
}

}  // namespace

int main() {
  check<float>();
  check<double>();
  return test::summary();
}
