// SPDX-License-Identifier: Apache-2.0
// What is done with a tile source: write it out whole, or multiply it with vectors.
#pragma once

#include <vector>

#include "cpu/isa/engine.h"
#include "cpu/thread_team.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// to[o]: [rows, cols] of output o, row-major, contiguous. A symmetric source's tiles are computed
// once and written twice.
template <class T>
void write_dense(const TileSource<T>& source, const std::vector<T*>& to, const Engine<T>& engine,
                 int threads, const Poll& poll);

// y = K v.  v [cols, k], y [rows, k], row-major, contiguous. Sums within a tile are formed in V's
// type (a float tile is widened for double vectors), and tiles are added up in double, in an order
// that no schedule changes.
template <class T, class V>
void multiply(const TileSource<T>& source, const V* v, double* y, long k,
              const Engine<V>& multiplier, int threads, const Poll& poll);

}  // namespace fastntk::cpu
