// SPDX-License-Identifier: Apache-2.0
// A symmetric matrix in a file: the block upper triangle, tile after tile, as PackedTriangle holds
// it in memory.
//
//   0            header: what the matrix is. Not read here; its length is a multiple of a page.
//   header       one mark per tile: its checksum, or 0 where the tile is not there yet
//   next page    tiles in the order of triangle_index, kTile x kTile, row-major
//
// A mark reaches the disk after its tile: whatever ends a process, or the machine, costs the tiles
// of the last second and leaves none that is half written. There is no other flag: a file is
// finished when every tile has its mark.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/thread_team.h"
#include "cpu/tile_source.h"

namespace fastntk::cpu {

// Length of the file of a matrix of rows x rows entries.
std::int64_t tile_file_bytes(long rows, std::size_t entry_bytes, std::int64_t header_bytes);

template <class T>
class TileFile final : public TileSource<T> {
public:
  // Reads the marks. The descriptor is duplicated; the name is for messages.
  TileFile(int descriptor, std::string name, long rows, std::int64_t header_bytes);
  ~TileFile() override;

  long tiles() const { return static_cast<long>(marks_.size()); }
  long finished() const;

  // Computes and writes the tiles that are not there; needs a descriptor open for writing, and that
  // nobody else writes or reads this object meanwhile. What was finished before an exception stays.
  void fill(const TileSource<T>& source, int threads, const Poll& poll);

  // Each call reads its tile into `tiles` and compares the checksum.
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override;
  void diagonal(T* to) const override;
  std::size_t bytes() const override { return marks_.size() * sizeof(std::uint64_t); }

private:
  std::int64_t offset(long index) const;

  std::string name_;
  std::int64_t header_bytes_;
  std::vector<std::uint64_t> marks_;
  int descriptor_;
};

}  // namespace fastntk::cpu
