// SPDX-License-Identifier: Apache-2.0
// Marks that follow their tiles to the disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fastntk::cpu {

// Collects the marks of tiles that were written, and about once a second makes sure that those
// tiles are on the disk and writes their marks: on a thread of its own, so that no worker waits for
// the disk.
class TileMarks {
public:
  // marks[tile] is set as it is written to the file, at byte `offset` + 8 tile.
  TileMarks(int descriptor, const std::string& name, std::int64_t offset,
            std::vector<std::uint64_t>& marks);
  // Writes what is left; what goes wrong then is not said, and costs the marks alone.
  ~TileMarks();
  TileMarks(const TileMarks&) = delete;
  TileMarks& operator=(const TileMarks&) = delete;

  // The tile is written (to the file, not yet to the disk). Throws what writing marks threw.
  void add(long tile, std::uint64_t mark);
  // Writes the rest, and returns when it is on the disk.
  void finish();

private:
  void run();
  void stop();
  void commit(std::unique_lock<std::mutex>& lock);

  int descriptor_;
  const std::string& name_;
  std::int64_t offset_;
  std::vector<std::uint64_t>& marks_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::vector<std::pair<long, std::uint64_t>> written_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace fastntk::cpu
