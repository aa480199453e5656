// SPDX-License-Identifier: Apache-2.0
// A matrix in a file: filled once, resumed after whatever ended a fill, and read with its checksums.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cpu/file_bytes.h"
#include "cpu/stored_sources.h"
#include "cpu/tile_file.h"
#include "formula_source.h"
#include "gram.h"

namespace {

using namespace test;
using fastntk::cpu::FileError;
using fastntk::cpu::kTileArea;
using fastntk::cpu::tile_file_bytes;
using fastntk::cpu::TileFile;

constexpr std::int64_t kHeader = 4096;
constexpr long kRows = 1030, kBlocks = 5, kTiles = 15;

// An empty file of a matrix, gone when this goes.
class Place {
public:
  Place(long rows, std::size_t entry_bytes) : stream_(std::tmpfile()) {
    if (!stream_ || ftruncate(descriptor(), tile_file_bytes(rows, entry_bytes, kHeader)) != 0)
      throw std::runtime_error("the tests need a folder for temporary files");
  }
  ~Place() { std::fclose(stream_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  int descriptor() const { return fileno(stream_); }
  template <class T>
  TileFile<T> open(long rows) const {
    return TileFile<T>(descriptor(), "matrix.gram", rows, kHeader);
  }
  std::vector<char> bytes() const {
    struct stat status{};
    fstat(descriptor(), &status);
    std::vector<char> all(status.st_size);
    fastntk::cpu::read_bytes(descriptor(), "matrix.gram", all.data(), all.size(), 0);
    return all;
  }
  long marks(long tiles) const {
    std::vector<std::uint64_t> all(tiles);
    fastntk::cpu::read_bytes(descriptor(), "matrix.gram", all.data(), tiles * 8, kHeader);
    return tiles - std::count(all.begin(), all.end(), 0u);
  }

private:
  std::FILE* stream_;
};

// The formula's matrix, with something done before a tile is handed out.
template <class T>
class WatchedSource final : public TileSource<T> {
public:
  using Watch = std::function<void(long bi, long bj)>;
  WatchedSource(long rows, Watch watch)
      : TileSource<T>(rows, rows, true), inner_(rows, rows, true), watch_(std::move(watch)) {}
  std::size_t scratch_bytes() const override { return inner_.scratch_bytes(); }
  const T* tile(long bi, long bj, T* tiles, char* scratch) const override {
    watch_(bi, bj);
    return inner_.tile(bi, bj, tiles, scratch);
  }
  void diagonal(T* to) const override { inner_.diagonal(to); }
  std::size_t bytes() const override { return 0; }
  const FormulaSource<T>& formula() const { return inner_; }

private:
  FormulaSource<T> inner_;
  Watch watch_;
};

template <class T>
void check_same(const TileFile<T>& file, const FormulaSource<T>& source) {
  CHECK_EQUAL(file.finished(), file.tiles());
  CHECK(dense<T>(file, 2) == dense<T>(source, 1));
  std::vector<T> diagonal(source.rows()), expected(source.rows());
  file.diagonal(diagonal.data());
  source.diagonal(expected.data());
  CHECK(diagonal == expected);
}

template <class T>
void fills() {
  for (const long n : {1, 255, 256, 257, 600, 1030}) {
    const FormulaSource<T> source(n, n, true);
    std::vector<char> first;
    for (const int threads : {1, 2, 3}) {
      const Place place(n, sizeof(T));
      TileFile<T> file = place.open<T>(n);
      CHECK_EQUAL(file.finished(), 0);
      file.fill(source, threads, nullptr);
      check_same(file, source);
      check_same(place.open<T>(n), source);
      // What is there is not asked for again.
      file.fill(WatchedSource<T>(n, [](long, long) { throw std::logic_error("asked"); }), threads,
                nullptr);
      // The bytes depend on the matrix alone: beyond it they are zero, though the source's are not.
      const std::vector<char> bytes = place.bytes();
      if (first.empty())
        first = bytes;
      CHECK(bytes == first);
    }
    // A source that hands out its own memory, which is not to be written to.
    const fastntk::cpu::PackedTriangle<T> packed(source, 1, nullptr);
    const Place place(n, sizeof(T));
    place.open<T>(n).fill(packed, 2, nullptr);
    CHECK(place.bytes() == first);
    CHECK(dense<T>(packed, 1) == dense<T>(source, 1));
  }
  const std::int64_t tiles = kTileArea * static_cast<std::int64_t>(sizeof(T));
  CHECK_EQUAL(tile_file_bytes(kRows, sizeof(T), kHeader), kHeader + 4096 + kTiles * tiles);
  CHECK_EQUAL(tile_file_bytes(32 * 256, sizeof(T), kHeader), kHeader + 8192 + 528 * tiles);
}

// Whichever tile fails, those before it stay, and only the others are asked for.
template <class T>
void failures_and_resumption() {
  for (const int threads : {1, 2, 3}) {
    for (long bad = 0; bad < kTiles; ++bad) {
      const Place place(kRows, sizeof(T));
      std::atomic<long> tiles{0};
      const WatchedSource<T> failing(kRows, [&](long, long) {
        if (tiles++ == bad)
          throw std::runtime_error("no such tile");
      });
      TileFile<T> file = place.open<T>(kRows);
      CHECK_THROWS(std::runtime_error, file.fill(failing, threads, nullptr));
      CHECK_EQUAL(file.finished(), place.marks(kTiles));
      CHECK_AT_MOST(bad, file.finished(), threads);
      CHECK_AT_MOST(file.finished(), kTiles - 1, threads);
      TileFile<T> again = place.open<T>(kRows);
      CHECK_EQUAL(again.finished(), file.finished());
      std::atomic<long> asked{0};
      const WatchedSource<T> counting(kRows, [&](long, long) { ++asked; });
      again.fill(counting, threads, nullptr);
      CHECK_EQUAL(asked.load(), kTiles - file.finished());
      check_same(again, counting.formula());
    }
  }
}

void interruptions() {
  for (const int threads : {1, 3}) {
    const Place place(kRows, sizeof(float));
    const FormulaSource<float> source(kRows, kRows, true);
    TileFile<float> file = place.open<float>(kRows);
    CHECK_THROWS(std::logic_error, file.fill(source, threads, [](long, long) {
      throw std::logic_error("interrupted");
    }));
    CHECK_EQUAL(place.open<float>(kRows).finished(), file.finished());
    file.fill(source, threads, nullptr);
    check_same(file, source);
  }
}

// Marks are written on the way, not at the end alone: the last tile waits for one.
void marks_on_the_way() {
  const Place place(kRows, sizeof(float));
  const WatchedSource<float> source(kRows, [&](long bi, long bj) {
    if (bi < kBlocks - 1 || bj < kBlocks - 1)
      return;
    for (int tenths = 0; tenths < 600 && place.marks(kTiles) == 0; ++tenths)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK_EQUAL(place.marks(kTiles), kTiles - 1);
  });
  place.open<float>(kRows).fill(source, 1, nullptr);
  CHECK_EQUAL(place.marks(kTiles), kTiles);
}

// Read by several threads at once, as from memory.
void products_with_vectors() {
  constexpr long kVectors = 3;
  const FormulaSource<float> source(kRows, kRows, true);
  const Place place(kRows, sizeof(float));
  TileFile<float> file = place.open<float>(kRows);
  file.fill(source, 2, nullptr);
  const std::vector<float> v(kRows * kVectors, 2.0f);
  const std::string isa = fastntk::cpu::selected_isa();
  const std::vector<double> expected = times(source, v, kVectors, isa, 1);
  for (const int threads : {1, 2, 3})
    CHECK(times(file, v, kVectors, isa, threads) == expected);
}

int code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const FileError& error) {
    CHECK(std::string(error.what()).find("matrix.gram") != std::string::npos);
    return error.code;
  }
  return 0;
}

void damage() {
  const FormulaSource<double> source(kRows, kRows, true);
  const Place place(kRows, sizeof(double));
  TileFile<double> file = place.open<double>(kRows);
  file.fill(source, 2, nullptr);
  const std::int64_t total = tile_file_bytes(kRows, sizeof(double), kHeader);
  const auto read_all = [&] { dense<double>(file, 2); };
  for (const std::int64_t at : {kHeader + 4096, total / 2, total - 1}) {
    char byte = 0;
    fastntk::cpu::read_bytes(place.descriptor(), "matrix.gram", &byte, 1, at);
    for (const int change : {1, 0}) {  // there and back
      const char written = static_cast<char>(byte ^ change);
      fastntk::cpu::write_bytes(place.descriptor(), "matrix.gram", &written, 1, at);
      CHECK_EQUAL(code_of(read_all), change == 1 ? EIO : 0);
    }
  }
  CHECK_EQUAL(ftruncate(place.descriptor(), total - 1), 0);
  CHECK_EQUAL(code_of(read_all), EIO);
  CHECK_EQUAL(ftruncate(place.descriptor(), kHeader + 8), 0);
  CHECK_EQUAL(code_of([&] { place.open<double>(kRows); }), EIO);
}

void what_the_system_refuses() {
  CHECK_EQUAL(code_of([] { TileFile<float>(-1, "matrix.gram", kRows, kHeader); }), EBADF);
  const FormulaSource<float> source(kRows, kRows, true);
  // A disk without room: reads zeros, and takes nothing.
  const int full = open("/dev/full", O_RDWR);
  if (full >= 0) {
    TileFile<float> file(full, "matrix.gram", kRows, kHeader);
    close(full);  // the file has its own
    CHECK_EQUAL(code_of([&] { file.fill(source, 2, nullptr); }), ENOSPC);
    CHECK_EQUAL(file.finished(), 0);
  }
  const int nothing = open("/dev/zero", O_RDONLY);
  if (nothing >= 0) {
    TileFile<float> file(nothing, "matrix.gram", kRows, kHeader);
    close(nothing);
    CHECK_EQUAL(code_of([&] { file.fill(source, 1, nullptr); }), EBADF);
  }
}

void what_cannot_be_written() {
  const Place place(kRows, sizeof(float));
  TileFile<float> file = place.open<float>(kRows);
  const auto fill_with = [&](long rows, bool symmetric, int outputs) {
    file.fill(FormulaSource<float>(rows, rows, symmetric, outputs), 1, nullptr);
  };
  CHECK_THROWS(std::invalid_argument, fill_with(kRows - 1, true, 1));
  CHECK_THROWS(std::invalid_argument, fill_with(kRows, false, 1));
  CHECK_THROWS(std::invalid_argument, fill_with(kRows, true, 2));
  CHECK_EQUAL(file.finished(), 0);
}

}  // namespace

int main() {
  fills<float>();
  fills<double>();
  failures_and_resumption<float>();
  failures_and_resumption<double>();
  interruptions();
  marks_on_the_way();
  products_with_vectors();
  damage();
  what_the_system_refuses();
  what_cannot_be_written();
  return test::summary();
}
