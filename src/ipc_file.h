#ifndef TANDEMLAB_IPC_FILE_H
#define TANDEMLAB_IPC_FILE_H

#include <cstdint>
#include <string>

#include "flatbuffer.h"

namespace tandemlab::ipc {

// A file in memory, read by the kernel when it is looked at.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  flat::Span bytes() const { return bytes_; }

 private:
  flat::Span bytes_;
};

// Whether the user wants to stop; asked now and then.
using Interrupted = bool (*)();

// A file that appears under its name when it is whole: until `commit` it has a name of its own in
// the same folder, and without `commit` it goes.
class NewFile {
 public:
  NewFile(const std::string& path, Interrupted interrupted);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  std::int64_t size() const { return size_; }
  void append(const void* bytes, std::size_t size);
  void append_zeros(std::size_t size);  // at most 64
  void overwrite(std::int64_t at, const void* bytes, std::size_t size);
  void commit();

 private:
  std::string path_, temporary_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
  Interrupted interrupted_;
};

}  // namespace tandemlab::ipc

#endif
