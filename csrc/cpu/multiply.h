// SPDX-License-Identifier: Apache-2.0
// A tile source times vectors.
#pragma once

#include "cpu/isa/engine.h"
#include "cpu/thread_team.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// y = K v.  v [cols, k], y [rows, k], row-major, contiguous. Sums within a tile are formed in V's
// type (a float tile is widened for double vectors), and tiles are added up in double, in an order
// that depends on the shape only: neither on the schedule nor on the number of threads.
template <class T, class V>
void multiply(const TileSource<T>& source, const V* v, double* y, long k,
              const Engine<V>& multiplier, int threads, const Poll& poll);

}  // namespace fastntk::cpu
