#include "ipc_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "files.h"

namespace tandemlab::ipc {
namespace {

[[noreturn]] void refused(const char* operation, int error = errno) {
  throw Refusal(error == ENOSPC || error == EDQUOT ? "file_full" : "file_system",
                std::string("could not ") + operation + ": " + std::strerror(error));
}

// The file that a name stands for: links are followed, so that they stay links.
std::string target_of(const std::string& path) {
  char* found = ::realpath(path.c_str(), nullptr);
  if (found == nullptr) return path;
  std::string target = found;
  std::free(found);
  return target;
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) refused("open it");
  struct stat status;
  int error = ::fstat(descriptor, &status) == 0 ? 0 : errno;
  if (error == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
  const bool regular = error != 0 || S_ISREG(status.st_mode);
  const std::size_t size = error == 0 && regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* start = nullptr;
  if (size > 0) {
    start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (start == MAP_FAILED) error = errno;
  }
  ::close(descriptor);
  if (error != 0) refused("read it", error);
  if (!regular) throw Refusal("file_kind");
  if (size > 0) ::madvise(start, size, MADV_WILLNEED);
  bytes_ = {static_cast<const unsigned char*>(start), size};
}

MappedFile::~MappedFile() {
  if (bytes_.size > 0) ::munmap(const_cast<unsigned char*>(bytes_.data), bytes_.size);
}

NewFile::NewFile(const std::string& path, Interrupted interrupted)
    : path_(target_of(path)), interrupted_(interrupted) {
  struct stat status;
  if (::stat(path_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) refused("write it", EISDIR);
    if (!S_ISREG(status.st_mode)) throw Refusal("file_kind");
  }
  char label[27];
  if (!new_ulid(label)) refused("get a random number");
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path_.substr(0, slash + 1);
  temporary_ = folder + ".tandemlab-" + label + ".tmp";
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) refused("make the file");
}

NewFile::~NewFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void NewFile::append(const void* bytes, std::size_t size) {
  constexpr std::size_t portion = std::size_t{1} << 26;
  const char* from = static_cast<const char*>(bytes);
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::write(descriptor_, from + done, std::min(size - done, portion));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) refused("write it", count == 0 ? ENOSPC : errno);
    done += static_cast<std::size_t>(count);
    size_ += count;
    if (size > (1 << 20) && interrupted_()) throw Refusal("interrupted");
  }
}

void NewFile::append_zeros(std::size_t size) {
  static const char zeros[64] = {};
  append(zeros, size);
}

void NewFile::overwrite(std::int64_t at, const void* bytes, std::size_t size) {
  const char* from = static_cast<const char*>(bytes);
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::pwrite(descriptor_, from + done, size - done,
                                   static_cast<off_t>(at + static_cast<std::int64_t>(done)));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) refused("write it", count == 0 ? ENOSPC : errno);
    done += static_cast<std::size_t>(count);
  }
}

void NewFile::commit() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) refused("write it");  // full network disks speak up only now
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) refused("name it");
  temporary_.clear();
}

}  // namespace tandemlab::ipc
