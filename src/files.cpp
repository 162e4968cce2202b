#include "files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace tandemlab {

namespace {

Outcome refused(const char* operation, int error = errno) {
  Outcome outcome;
  outcome.operation = operation;
  outcome.error = error;
  return outcome;
}

bool make_folder(const std::string& path) {
  return ::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST;
}

// Makes the folders of `file` that lie behind the first `known` bytes.
bool make_parents(const std::string& file, std::size_t known) {
  for (std::size_t at = file.find('/', known); at != std::string::npos;
       at = file.find('/', at + 1)) {
    if (!make_folder(file.substr(0, at))) return false;
  }
  return true;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  // The kernel may report a full network disk only now.
  bool close() {
    const int value = value_;
    value_ = -1;
    return ::close(value) == 0;
  }

 private:
  int value_;
};

bool copy_bytes(int from, int to, std::int64_t* size) {
  static char chunk[1 << 18];
  *size = 0;
  while (true) {
    const ssize_t count = ::read(from, chunk, sizeof chunk);
    if (count == 0) return true;
    if (count < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = ::write(to, chunk + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno != EINTR) return false;
      if (written > 0) done += written;
    }
    *size += count;
  }
}

Outcome copy_file(const char* source, const std::string& target, int exclusive,
                  std::int64_t* size) {
  const Descriptor from(::open(source, O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return refused("read the source");
  struct stat status;
  if (::fstat(from.get(), &status) != 0) return refused("read the source");
  if (S_ISDIR(status.st_mode)) return refused("read the source", EISDIR);
  if (!S_ISREG(status.st_mode)) return refused("read the source", EINVAL);
  Descriptor to(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | exclusive, 0666));
  if (to.get() < 0) return refused("make the file");
  if (!copy_bytes(from.get(), to.get(), size) || !to.close()) return refused("write the file");
  return {};
}

// Gives the finished copy its name unless that is taken; file systems without hard links get a
// copy made under the name itself, exclusively.
Outcome place(const std::string& temporary, const std::string& target) {
  if (::link(temporary.c_str(), target.c_str()) == 0) return {};
  if (errno != EPERM && errno != ENOTSUP && errno != EXDEV && errno != EMLINK) {
    return refused("name the file");
  }
  std::int64_t size;
  Outcome outcome = copy_file(temporary.c_str(), target, O_EXCL, &size);
  if (outcome.operation != nullptr && outcome.error != EEXIST) ::unlink(target.c_str());
  return outcome;
}

}  // namespace

Outcome store_file(const char* run, const char* name, const char* source, std::int64_t* size) {
  const std::string directory = run;
  const std::string target = directory + "/files/" + name;
  if (!make_parents(target, directory.size() + 1)) return refused("make the folder");
  const std::string temporaries = directory + "/../../tmp";
  if (!make_folder(temporaries)) return refused("make the folder tmp");
  char label[27];
  if (!new_ulid(label)) return refused("get a random number");
  const std::string temporary = temporaries + "/" + label;
  Outcome outcome = copy_file(source, temporary, O_EXCL, size);
  if (outcome.operation == nullptr) outcome = place(temporary, target);
  ::unlink(temporary.c_str());
  return outcome;
}

bool new_ulid(char* id) {
  static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  static unsigned char last[16];
  static pid_t process;
  unsigned char now[16];
  timespec time;
  ::clock_gettime(CLOCK_REALTIME, &time);
  auto millis = static_cast<std::uint64_t>(time.tv_sec) * 1000 +
                static_cast<std::uint64_t>(time.tv_nsec / 1000000);
  for (int i = 5; i >= 0; --i, millis >>= 8) now[i] = static_cast<unsigned char>(millis);
  const bool forked = process != ::getpid();
  process = ::getpid();
  if (forked || std::memcmp(now, last, 6) > 0) {
    if (::getrandom(now + 6, 10, 0) != 10) return false;
    std::memcpy(last, now, sizeof now);
  } else {
    for (int i = 15; i >= 0 && ++last[i] == 0; --i) {
    }
  }
  // 26 digits of 5 bits are 130: the first digit holds the upper 3 of the 128.
  for (int digit = 0; digit < 26; ++digit) {
    unsigned value = 0;
    for (int bit = 0; bit < 5; ++bit) {
      const int at = digit * 5 + bit - 2;
      value = value << 1 | (at < 0 ? 0u : (last[at >> 3] >> (7 - (at & 7))) & 1u);
    }
    id[digit] = alphabet[value];
  }
  id[26] = '\0';
  return true;
}

}  // namespace tandemlab
