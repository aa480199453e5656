// SPDX-License-Identifier: Apache-2.0
#include "cpu/tile_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/error.h"
#include "cpu/aligned_buffer.h"
#include "cpu/file_bytes.h"
#include "cpu/schedule.h"
#include "cpu/tile_checksum.h"
#include "cpu/tile_marks.h"

namespace fastntk::cpu {
namespace {

constexpr std::int64_t kPage = 4096;

std::int64_t tile_count(long rows) { return triangle_size(ceil_div(rows, kTile)); }

std::int64_t first_tile(long rows, std::int64_t header_bytes) {
  const auto marks = tile_count(rows) * static_cast<std::int64_t>(sizeof(std::uint64_t));
  return round_up(header_bytes + marks, kPage);
}

// A worker's memory of a fill: a tile, and what the source needs to compute one.
template <class T>
struct Worker {
  explicit Worker(const TileSource<T>& source) : tile(kTileArea), scratch(source.scratch_bytes()) {}
  AlignedBuffer<T> tile;
  AlignedBuffer<char> scratch;
};

// The tile with zeros beyond the matrix, so that a file's bytes follow from what it is of.
template <class T>
const T* trimmed(const T* tile, T* buffer, long rows, long cols) {
  if (rows == kTile && cols == kTile)
    return tile;
  if (tile != buffer)
    std::copy_n(tile, kTileArea, buffer);
  for (long i = 0; i < kTile; ++i)
    std::fill(buffer + i * kTile + (i < rows ? cols : 0), buffer + (i + 1) * kTile, T(0));
  return buffer;
}

template <class T>
constexpr std::size_t kTileBytes = kTileArea * sizeof(T);

}  // namespace

std::int64_t tile_file_bytes(long rows, std::size_t entry_bytes, std::int64_t header_bytes) {
  return first_tile(rows, header_bytes) +
         tile_count(rows) * kTileArea * static_cast<std::int64_t>(entry_bytes);
}

template <class T>
TileFile<T>::TileFile(int descriptor, std::string name, long rows, std::int64_t header_bytes)
    : TileSource<T>(rows, rows, true), name_(std::move(name)), header_bytes_(header_bytes),
      marks_(tile_count(rows)) {
  read_bytes(descriptor, name_, marks_.data(), bytes(), header_bytes);
  descriptor_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (descriptor_ < 0)
    throw FileError(errno, "cannot open " + name_ + ": " + std::strerror(errno));
}

template <class T>
TileFile<T>::~TileFile() {
  close(descriptor_);
}

template <class T>
long TileFile<T>::finished() const {
  return tiles() - std::count(marks_.begin(), marks_.end(), std::uint64_t{0});
}

template <class T>
void TileFile<T>::fill(const TileSource<T>& source, int threads, const Poll& poll) {
  require(source.symmetric() && source.outputs() == 1 && source.rows() == this->rows(),
          "only one symmetric matrix of the file's rows can be written");
  std::vector<long> missing;
  for (long index = 0; index < tiles(); ++index) {
    if (marks_[index] == 0)
      missing.push_back(index);
  }
  if (missing.empty())
    return;
  reserve(descriptor_, name_, tile_file_bytes(this->rows(), sizeof(T), header_bytes_));
  const long count = static_cast<long>(missing.size());
  const ThreadLease lease(threads, count);
  std::vector<Worker<T>> workers;
  workers.reserve(lease.threads());
  for (int worker = 0; worker < lease.threads(); ++worker)
    workers.emplace_back(source);
  TileMarks marks(descriptor_, name_, header_bytes_, marks_);
  run_tasks(count, lease.threads(), poll, [&](int worker, long task) {
    const long index = missing[task];
    const TileIndex at = triangle_tile(index, this->tile_rows());
    T* buffer = workers[worker].tile.data();
    const T* tile = trimmed(source.tile(at.i, at.j, buffer, workers[worker].scratch.data()), buffer,
                            std::min(kTile, this->rows() - at.i * kTile),
                            std::min(kTile, this->rows() - at.j * kTile));
    write_bytes(descriptor_, name_, tile, kTileBytes<T>, offset(index));
    marks.add(index, tile_checksum(tile, kTileBytes<T>));
  });
  marks.finish();
}

template <class T>
std::int64_t TileFile<T>::offset(long index) const {
  return first_tile(this->rows(), header_bytes_) + index * static_cast<std::int64_t>(kTileBytes<T>);
}

template <class T>
const T* TileFile<T>::tile(long bi, long bj, T* tiles, char*) const {
  const long index = triangle_index(bi, bj, this->tile_rows());
  // Not mapped: pages of a map count as memory of the process, and are no faster.
  read_bytes(descriptor_, name_, tiles, kTileBytes<T>, offset(index));
  if (tile_checksum(tiles, kTileBytes<T>) != marks_[index])
    throw FileError(EIO, name_ + " is damaged: tile (" + std::to_string(bi) + ", " +
                             std::to_string(bj) + ") does not have its checksum");
  return tiles;
}

template <class T>
void TileFile<T>::diagonal(T* to) const {
  AlignedBuffer<T> buffer(kTileArea);
  for (long block = 0; block < this->tile_rows(); ++block) {
    const T* values = tile(block, block, buffer.data(), nullptr);
    const long first = block * kTile, count = std::min(kTile, this->rows() - first);
    for (long i = 0; i < count; ++i)
      to[first + i] = values[i * (kTile + 1)];
  }
}

template class TileFile<float>;
template class TileFile<double>;

}  // namespace fastntk::cpu
