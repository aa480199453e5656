// SPDX-License-Identifier: Apache-2.0
#include "cpu/pointwise.h"

#include <algorithm>

#include "common/index.h"
#include "cpu/thread_team.h"

namespace fastntk::cpu {
namespace {

// A piece of a row stays in the first-level cache between the loops that work on it.
constexpr long kPiece = 2048;
// Numbers of one task: fewer take less time than a thread takes to start.
constexpr long kTaskNumbers = 64 * 1024;

// f(row, begin, end) for every piece of every row of [rows, cols]; other threads have other rows.
template <class F>
void for_pieces(long rows, long cols, int threads, const F& f) {
  const long together = std::max(1L, kTaskNumbers / std::max(1L, cols));
  const long tasks = ceil_div(rows, together);
  const ThreadLease lease(threads, tasks);
  run_tasks(tasks, lease.threads(), nullptr, [&](int, long task) {
    for (long i = task * together; i < std::min(rows, (task + 1) * together); ++i) {
      for (long k = 0; k < cols; k += kPiece)
        f(i, k, std::min(cols, k + kPiece));
    }
  });
}

// The loops: what they read and write does not overlap, or is the same.
template <class T>
void shift_row(T factor, const T* shift, long count, T* z) {
  for (long k = 0; k < count; ++k)
    z[k] = factor * z[k] + (shift ? shift[k] : T(0));
}

template <class F, class T>
void value_row(const F& act, const T* z, long count, T* out) {
  for (long k = 0; k < count; ++k)
    out[k] = act.value(z[k]);
}

// By itself: a product in the same loop makes GCC branch where ReLU chooses.
template <class F, class T>
void slope_row(const F& act, const T* z, long count, T* slopes) {
  for (long k = 0; k < count; ++k)
    slopes[k] = act.slope(z[k]);
}

template <class T>
void multiply_row(T factor, const T* __restrict by, long count, T* __restrict to) {
  for (long k = 0; k < count; ++k)
    to[k] *= factor * by[k];
}

}  // namespace

template <class T>
void activate(const Activation& activation, T factor, const T* shift, long rows, long cols, T* z,
              T* out, int threads) {
  with_function(activation, [&](auto act) {
    for_pieces(rows, cols, threads, [&](long i, long begin, long end) {
      T* row = z + i * cols + begin;
      if (factor != 1 || shift != nullptr)
        shift_row(factor, shift ? shift + begin : nullptr, end - begin, row);
      if (out != nullptr)
        value_row(act, row, end - begin, out + i * cols + begin);
    });
    return true;
  });
}

template <class T>
void apply_slope(const Activation& activation, T factor, const T* z, long rows, long cols,
                 long outputs, T* signals, int threads) {
  with_function(activation, [&](auto act) {
    for_pieces(rows, cols, threads, [&](long i, long begin, long end) {
      T slopes[kPiece];
      slope_row(act, z + i * cols + begin, end - begin, slopes);
      for (long k = 0; k < outputs; ++k)
        multiply_row(factor, slopes, end - begin, signals + (i * outputs + k) * cols + begin);
    });
    return true;
  });
}

template void activate(const Activation&, float, const float*, long, long, float*, float*, int);
template void activate(const Activation&, double, const double*, long, long, double*, double*, int);
template void apply_slope(const Activation&, float, const float*, long, long, long, float*, int);
template void apply_slope(const Activation&, double, const double*, long, long, long, double*, int);

}  // namespace fastntk::cpu
