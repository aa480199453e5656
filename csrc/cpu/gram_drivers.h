// SPDX-License-Identifier: Apache-2.0
// Tile sources written out whole.
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

}  // namespace fastntk::cpu
