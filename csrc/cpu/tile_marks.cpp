// SPDX-License-Identifier: Apache-2.0
#include "cpu/tile_marks.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "cpu/file_bytes.h"

namespace fastntk::cpu {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);

}  // namespace

TileMarks::TileMarks(int descriptor, const std::string& name, std::int64_t offset,
                     std::vector<std::uint64_t>& marks)
    : descriptor_(descriptor), name_(name), offset_(offset), marks_(marks) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // The system has no more threads: all marks are written at the end.
  }
}

TileMarks::~TileMarks() {
  stop();
  try {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!failure_)  // a disk that failed once may say yes next time, without the bytes
      commit(lock);
  } catch (...) {
  }
}

void TileMarks::add(long tile, std::uint64_t mark) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (failure_)
    std::rethrow_exception(failure_);
  written_.emplace_back(tile, mark);
}

void TileMarks::finish() {
  stop();
  std::unique_lock<std::mutex> lock(mutex_);
  if (failure_)
    std::rethrow_exception(failure_);
  commit(lock);
  synchronize(descriptor_, name_);
}

void TileMarks::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable())
    thread_.join();
}

void TileMarks::run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return stopped_; })) {
    try {
      commit(lock);
    } catch (...) {
      if (!lock.owns_lock())
        lock.lock();
      failure_ = std::current_exception();
      return;
    }
  }
}

void TileMarks::commit(std::unique_lock<std::mutex>& lock) {
  std::vector<std::pair<long, std::uint64_t>> batch;
  batch.swap(written_);
  if (batch.empty())
    return;
  lock.unlock();
  synchronize(descriptor_, name_);
  std::sort(batch.begin(), batch.end());
  for (const auto& [tile, mark] : batch) {
    marks_[tile] = mark;
  }
  for (std::size_t first = 0, next; first < batch.size(); first = next) {
    next = first + 1;
    while (next < batch.size() && batch[next].first == batch[next - 1].first + 1)
      ++next;
    const long tile = batch[first].first;
    write_bytes(descriptor_, name_, &marks_[tile], (next - first) * sizeof(std::uint64_t),
                offset_ + tile * static_cast<std::int64_t>(sizeof(std::uint64_t)));
  }
  lock.lock();
}

}  // namespace fastntk::cpu
