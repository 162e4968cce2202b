#include "spool.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <unordered_map>

namespace tandemlab {

namespace {

constexpr const char* shape_names[] = {"none",           "series",    "table",
                                       "image",          "confusion_matrix",
                                       "accuracy_table", "residuals", "predictions"};

// One run's file. It closes its descriptor itself only in `close_file`: after a fork the child
// closes its copies without a word to the kernel's file.
struct Writer {
  std::string run;
  std::string path;
  int descriptor = -1;
  std::uint64_t seq = 0;
  std::uint64_t last_used = 0;
  std::int64_t time = 0;  // of the last event
  off_t length = 0;
  bool torn = false;
  std::unordered_map<std::string, Shape> shapes;
};

constexpr std::size_t most_open = 64;

struct Spool {
  pid_t process = 0;
  std::uint64_t clock = 0;
  std::size_t open = 0;
  Writer* latest = nullptr;
  std::unordered_map<std::string, Writer> writers;
};

Spool& spool() {
  static Spool* const instance = new Spool;  // never destroyed: R may log while it exits
  return *instance;
}

void close_file(Writer& writer) {
  if (writer.descriptor < 0) return;
  ::close(writer.descriptor);
  writer.descriptor = -1;
  --spool().open;
}

void leave_parent(Spool& all) {
  for (auto& entry : all.writers) close_file(entry.second);
  all.writers.clear();
  all.latest = nullptr;
  all.open = 0;
  all.process = ::getpid();
}

Writer& writer_of(const char* run) {
  Spool& all = spool();
  if (all.process != ::getpid()) leave_parent(all);
  if (all.latest == nullptr || all.latest->run != run) {
    Writer& writer = all.writers[run];
    if (writer.run.empty()) writer.run = run;
    all.latest = &writer;
  }
  all.latest->last_used = ++all.clock;
  return *all.latest;
}

void close_least_used(Spool& all) {
  Writer* oldest = nullptr;
  for (auto& entry : all.writers) {
    Writer& writer = entry.second;
    if (writer.descriptor >= 0 && (oldest == nullptr || writer.last_used < oldest->last_used)) {
      oldest = &writer;
    }
  }
  if (oldest != nullptr) close_file(*oldest);
}

std::string host() {
  char name[256] = "";
  std::string kept;
  if (::gethostname(name, sizeof name - 1) != 0) name[0] = '\0';
  for (const char* at = name; *at != '\0' && kept.size() < 20; ++at) {
    const char lower = *at >= 'A' && *at <= 'Z' ? static_cast<char>(*at - 'A' + 'a') : *at;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) kept += lower;
  }
  return kept.empty() ? "host" : kept;
}

// Tells readers of many runs that this one may have news: WORKSPACE/live/RUN_ID.
bool mark_live(const std::string& run) {
  const std::size_t id = run.find_last_of('/');
  const std::size_t runs = id == std::string::npos || id == 0 ? std::string::npos
                                                              : run.find_last_of('/', id - 1);
  if (runs == std::string::npos) return true;
  const std::string folder = run.substr(0, runs) + "/live";
  const std::string marker = folder + run.substr(id);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const int descriptor = ::open(marker.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor >= 0) {
      ::close(descriptor);
      return true;
    }
    if (errno != ENOENT || (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)) return false;
  }
  return false;
}

// Opens the writer's file: a new one for the first event, the known one after it was closed to
// save descriptors. Null, or the name of what failed; errno says why.
const char* open_file(Writer& writer) {
  Spool& all = spool();
  if (all.open >= most_open) close_least_used(all);
  if (writer.path.empty()) {
    const std::string folder = writer.run + "/spool";
    if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) return "make the folder spool";
    if (!mark_live(writer.run)) return "mark the run as live";
    std::uint32_t chance = 0;
    if (::getrandom(&chance, sizeof chance, 0) != static_cast<ssize_t>(sizeof chance)) {
      return "get a random number";
    }
    char tail[40];
    std::snprintf(tail, sizeof tail, "-%ld-%08x.jsonl", static_cast<long>(::getpid()), chance);
    const std::string path = folder + "/" + host() + tail;
    writer.descriptor =
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (writer.descriptor < 0) return "open the spool file";
    writer.path = path;
  } else {
    writer.descriptor = ::open(writer.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (writer.descriptor < 0) return "open the spool file again";
  }
  ++all.open;
  return nullptr;
}

// Never before the writer's last event: a clock may be set back.
std::int64_t now_micros(const Writer& writer) {
  timespec time;
  ::clock_gettime(CLOCK_REALTIME, &time);
  const std::int64_t now = static_cast<std::int64_t>(time.tv_sec) * 1000000 + time.tv_nsec / 1000;
  return std::max(now, writer.time);
}

// Writes {"seq":…,"time":…, so that it ends where `line` begins; its first byte.
char* put_head(char* line, std::uint64_t seq, std::int64_t time) {
  char head[head_room];
  const int printed = std::snprintf(head, sizeof head, "{\"seq\":%" PRIu64 ",\"time\":%" PRId64 ",",
                                    seq, time);
  const auto count = static_cast<std::size_t>(printed);
  std::memcpy(line - count, head, count);
  return line - count;
}

// One write(2) takes it all, except on a disk that is about to be full. What it took in part is
// finished or taken back.
Outcome write_whole(Writer& writer, const char* bytes, std::size_t size) {
  std::size_t done = 0;
  int error = 0;
  while (done < size) {
    const ssize_t count = ::write(writer.descriptor, bytes + done, size - done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count < 0 && errno != EINTR) {
      error = errno;
      break;
    } else if (count == 0) {
      error = ENOSPC;
      break;
    }
  }
  Outcome outcome;
  if (error == 0) {
    writer.length += static_cast<off_t>(size);
    return outcome;
  }
  writer.torn = done > 0 && ::ftruncate(writer.descriptor, writer.length) != 0;
  outcome.operation = "write to the spool";
  outcome.error = error;
  return outcome;
}

}  // namespace

Shape shape_of(const char* kind) {
  if (std::strcmp(kind, "metric") == 0 || std::strcmp(kind, "list") == 0) return Shape::series;
  if (std::strcmp(kind, "row") == 0) return Shape::table;
  for (unsigned char shape = 1; shape <= static_cast<unsigned char>(Shape::predictions); ++shape) {
    if (std::strcmp(kind, shape_names[shape]) == 0) return static_cast<Shape>(shape);
  }
  return Shape::none;
}

const char* name_of(Shape shape) { return shape_names[static_cast<unsigned char>(shape)]; }

Outcome append(const char* run, Shape shape, const char* name, std::size_t name_size, char* line,
               std::size_t size) {
  Outcome outcome;
  Writer& writer = writer_of(run);
  Shape* known = nullptr;
  if (shape != Shape::none) {
    known = &writer.shapes[std::string(name, name_size)];
    if (*known != Shape::none && *known != shape) {
      outcome.clash = *known;
      return outcome;
    }
  }
  if (writer.descriptor < 0) {
    outcome.operation = open_file(writer);
    outcome.error = outcome.operation == nullptr ? 0 : errno;
    if (outcome.operation != nullptr) return outcome;
  }
  struct stat status;
  if (::fstat(writer.descriptor, &status) != 0 || status.st_nlink == 0) {
    close_file(writer);
    writer = Writer();
    writer.run = run;
    outcome.operation = "find the spool file, which was removed";
    outcome.error = ENOENT;
    return outcome;
  }
  if (writer.torn && ::ftruncate(writer.descriptor, writer.length) != 0) {
    outcome.operation = "repair the spool";
    outcome.error = errno;
    return outcome;
  }
  writer.torn = false;
  const std::int64_t time = now_micros(writer);
  const char* first = put_head(line, writer.seq + 1, time);
  outcome = write_whole(writer, first, static_cast<std::size_t>(line + size - first));
  if (outcome.operation == nullptr) {
    ++writer.seq;
    writer.time = time;
    if (known != nullptr) *known = shape;
  }
  return outcome;
}

void close_spool(const char* run) {
  Spool& all = spool();
  const auto found = all.writers.find(run);
  if (found == all.writers.end()) return;
  if (all.latest == &found->second) all.latest = nullptr;
  if (all.process == ::getpid()) close_file(found->second);
  all.writers.erase(found);
}

std::string spool_path(const char* run) {
  Spool& all = spool();
  const auto found = all.writers.find(run);
  const bool mine = found != all.writers.end() && all.process == ::getpid();
  return mine ? found->second.path : std::string();
}

}  // namespace tandemlab
