#include "worker.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tandemlab {

namespace {

struct Watched {
  int input;
  pid_t parent;
  pthread_t r;  // the thread that R runs in
};

bool parent_is_gone(const Watched& watched, int milliseconds) {
  struct pollfd place = {watched.input, 0, 0};
  const int ready = poll(&place, 1, milliseconds);
  const bool closed = ready > 0 && (place.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  return closed || getppid() != watched.parent;
}

void* watch(void* given) {
  const Watched watched = *static_cast<Watched*>(given);
  std::free(given);
  while (!parent_is_gone(watched, 500)) {
  }
  pthread_kill(watched.r, SIGINT);  // R's code unwinds and R ends in order, if it can
  struct timespec grace = {2, 0};
  nanosleep(&grace, nullptr);
  kill(0, SIGKILL);
  return nullptr;
}

// Whether all bytes were read or written; `step` is read(2) or write(2).
template <typename Step>
bool transfer(Step step, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t done = step(bytes, size);
    if (done == 0 || (done < 0 && errno != EINTR)) return false;
    if (done < 0) continue;
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
  return true;
}

}  // namespace

SEXP worker_start(SEXP input, SEXP output, SEXP parent) {
  const int in = Rf_asInteger(input), out = Rf_asInteger(output);
  if (fcntl(in, F_SETFD, FD_CLOEXEC) != 0 || fcntl(out, F_SETFD, FD_CLOEXEC) != 0) {
    return Rf_ScalarLogical(FALSE);
  }
  signal(SIGPIPE, SIG_IGN);
  auto* watched = static_cast<Watched*>(std::malloc(sizeof(Watched)));
  if (watched == nullptr) return Rf_ScalarLogical(FALSE);
  *watched = {in, static_cast<pid_t>(Rf_asInteger(parent)), pthread_self()};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for R's own thread
  pthread_t thread;
  const int failed = pthread_create(&thread, nullptr, watch, watched);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) {
    std::free(watched);
    return Rf_ScalarLogical(FALSE);
  }
  pthread_detach(thread);
  return Rf_ScalarLogical(TRUE);
}

SEXP worker_receive(SEXP input) {
  const int fd = Rf_asInteger(input);
  const auto step = [fd](char* bytes, std::size_t size) { return read(fd, bytes, size); };
  unsigned char head[4];
  if (!transfer(step, reinterpret_cast<char*>(head), sizeof head)) return R_NilValue;
  const std::uint32_t size = head[0] | head[1] << 8 | head[2] << 16 |
                             static_cast<std::uint32_t>(head[3]) << 24;
  if (size > INT_MAX) return R_NilValue;
  SEXP bytes = PROTECT(Rf_allocVector(RAWSXP, static_cast<R_xlen_t>(size)));
  SEXP text = R_NilValue;
  if (transfer(step, reinterpret_cast<char*>(RAW(bytes)), size)) {
    text = PROTECT(Rf_mkCharLenCE(reinterpret_cast<const char*>(RAW(bytes)),
                                  static_cast<int>(size), CE_UTF8));
    text = Rf_ScalarString(text);
    UNPROTECT(1);
  }
  UNPROTECT(1);
  return text;
}

SEXP worker_send(SEXP output, SEXP text) {
  const int fd = Rf_asInteger(output);
  SEXP line = STRING_ELT(text, 0);
  const auto size = static_cast<std::uint32_t>(LENGTH(line));
  char head[4];
  for (int i = 0; i < 4; ++i) head[i] = static_cast<char>(size >> (8 * i) & 0xFF);
  std::fflush(nullptr);
  const auto step = [fd](char* bytes, std::size_t count) { return write(fd, bytes, count); };
  const bool sent = transfer(step, head, sizeof head) &&
                    transfer(step, const_cast<char*>(CHAR(line)), size);
  return Rf_ScalarLogical(sent ? TRUE : FALSE);
}

}  // namespace tandemlab
