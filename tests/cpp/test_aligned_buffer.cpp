// SPDX-License-Identifier: Apache-2.0
// Zeroed, aligned memory on both sides of the size from which pages are mapped.
#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "check.h"
#include "cpu/aligned_buffer.h"

namespace {

using fastntk::cpu::AlignedBuffer;

bool aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 64 == 0; }

void sizes() {
  constexpr std::size_t kMegabyte = std::size_t{1} << 20;
  for (const std::size_t count :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, kMegabyte,
        64 * kMegabyte - 1, 64 * kMegabyte, 64 * kMegabyte + 1}) {
    AlignedBuffer<char> buffer(count);
    CHECK_EQUAL(buffer.size(), count);
    CHECK_EQUAL(buffer.bytes(), count);
    CHECK(aligned(buffer.data()));
    CHECK(std::all_of(buffer.data(), buffer.data() + count, [](char c) { return c == 0; }));
    std::fill_n(buffer.data(), count, '\7');  // all of it may be written
  }
}

void elements() {
  AlignedBuffer<double> buffer(10);
  CHECK_EQUAL(buffer.bytes(), 80u);
  buffer[9] = 2.5;
  const AlignedBuffer<double>& view = buffer;
  CHECK_EQUAL(view[9], 2.5);
  CHECK_EQUAL(view.data()[8], 0.0);
}

void nothing() {
  const AlignedBuffer<float> none, zero(0);
  CHECK(none.data() == nullptr && none.size() == 0);
  CHECK(zero.data() == nullptr && zero.size() == 0);
}

void moves() {
  AlignedBuffer<int> a(3), b(5);
  a[0] = 1;
  b[0] = 2;
  const int* data = b.data();
  a = std::move(b);
  CHECK(a.data() == data && a.size() == 5 && a[0] == 2);
  AlignedBuffer<int> c(std::move(a));
  CHECK(c.data() == data && c.size() == 5);
}

void more_than_there_is() {
  CHECK_THROWS(std::bad_alloc, AlignedBuffer<char>(std::size_t{1} << 60));
}

}  // namespace

int main() {
  sizes();
  sizes();  // in memory that was written to
  elements();
  nothing();
  moves();
  more_than_there_is();
  return test::summary();
}
