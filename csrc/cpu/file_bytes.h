// SPDX-License-Identifier: Apache-2.0
// Reads and writes of whole ranges of a file: as many system calls as it takes; errors name the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace fastntk::cpu {

// What the system refused (code is its errno), or a tile that is damaged (EIO).
struct FileError : std::runtime_error {
  FileError(int error, const std::string& message) : std::runtime_error(message), code(error) {}
  int code;
};

void read_bytes(int descriptor, const std::string& name, void* to, std::size_t bytes,
                std::int64_t offset);
void write_bytes(int descriptor, const std::string& name, const void* from, std::size_t bytes,
                 std::int64_t offset);
// Returns once all that was written is on the disk.
void synchronize(int descriptor, const std::string& name);
// Takes the disk blocks of a range, so that a disk that others fill cannot stop a long computation.
// Where the file system cannot do so, nothing happens.
void reserve(int descriptor, const std::string& name, std::int64_t bytes);

}  // namespace fastntk::cpu
