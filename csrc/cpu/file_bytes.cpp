// SPDX-License-Identifier: Apache-2.0
#include "cpu/file_bytes.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace fastntk::cpu {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& name, int error) {
  throw FileError(error, "cannot " + what + " " + name + ": " + std::strerror(error));
}

}  // namespace

void read_bytes(int descriptor, const std::string& name, void* to, std::size_t bytes,
                std::int64_t offset) {
  char* next = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t count = pread(descriptor, next, bytes, offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail("read", name, errno);
    if (count == 0)
      throw FileError(EIO, name + " is truncated: it ends at byte " + std::to_string(offset));
    next += count;
    offset += count;
    bytes -= static_cast<std::size_t>(count);
  }
}

void write_bytes(int descriptor, const std::string& name, const void* from, std::size_t bytes,
                 std::int64_t offset) {
  const char* next = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t count = pwrite(descriptor, next, bytes, offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      fail("write to", name, count < 0 ? errno : EIO);
    next += count;
    offset += count;
    bytes -= static_cast<std::size_t>(count);
  }
}

void synchronize(int descriptor, const std::string& name) {
#if defined(__linux__)
  const int result = fdatasync(descriptor);
#else
  const int result = fsync(descriptor);
#endif
  if (result != 0)
    fail("write to", name, errno);
}

void reserve(int descriptor, const std::string& name, std::int64_t bytes) {
#if defined(__linux__)
  // Not posix_fallocate: where the file system has no such call, that writes every block.
  if (fallocate(descriptor, 0, 0, bytes) != 0 &&
      (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
    fail("reserve " + std::to_string(bytes) + " bytes for", name, errno);
#else
  (void)descriptor, (void)name, (void)bytes;
#endif
}

}  // namespace fastntk::cpu
