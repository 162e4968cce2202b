#include "fork.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace tandemlab {

namespace {

struct Place {
  std::string directory, wake;
};

// The jobs that have not ended, by pid.
std::map<pid_t, Place>& jobs() {
  static std::map<pid_t, Place> all;
  return all;
}

sigset_t before;             // signals that were blocked at the start
struct sigaction of_pipe;    // what R does about a pipe that nobody reads

pid_t server = 0;            // what jobs are forked from

void ignore(int) {}

bool write_file(const std::string& path, const std::string& text) {
  const std::string made = path + ".new";
  std::FILE* file = std::fopen(made.c_str(), "w");
  if (file == nullptr) return false;
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && whole && std::rename(made.c_str(), path.c_str()) == 0;
}

// The line of a process in /proc, which says when it was started; empty elsewhere.
std::string stat_line(const std::string& process) {
  std::string line;
  if (std::FILE* file = std::fopen(("/proc/" + process + "/stat").c_str(), "r")) {
    for (int c = std::fgetc(file); c != EOF && c != '\n'; c = std::fgetc(file)) {
      line.push_back(static_cast<char>(c));
    }
    std::fclose(file);
  }
  return line;
}

bool note_end(const Place& place, int status) {
  const bool kept = write_file(place.directory + "/job/exit", std::to_string(status) + "\n");
  const int wake = open(place.wake.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (wake >= 0) {
    if (write(wake, "e", 1) < 0) {
      // Nobody listens: who does next will look.
    }
    close(wake);
  }
  return kept;
}

// Whether a fork has taken up its job; a second start of one leaves it to the first.
bool has_taken_up(const Place& place, pid_t pid) {
  const std::string claim = place.directory + "/job/claim";
  std::FILE* file = std::fopen((place.directory + "/job/pid").c_str(), "r");
  if (file == nullptr) return access(claim.c_str(), F_OK) != 0;
  int first = 0;
  const bool is_read = std::fscanf(file, "%d", &first) == 1;
  std::fclose(file);
  return is_read && first == pid;
}

void reap() {
  while (!jobs().empty()) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    const auto found = jobs().find(pid);
    if (found == jobs().end()) continue;
    const Place place = found->second;
    jobs().erase(found);
    if (access((place.directory + "/job/exit").c_str(), F_OK) == 0) continue;
    if (!has_taken_up(place, pid)) continue;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (!note_end(place, code)) std::quick_exit(1);  // and so it is seen
  }
}

// Becomes the job of a run's directory; false if it cannot.
bool become(const Place& place, int requests, int answers) {
  close(requests);
  close(answers);
  setsid();
  signal(SIGCHLD, SIG_DFL);
  sigaction(SIGPIPE, &of_pipe, nullptr);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (chdir(place.directory.c_str()) != 0) return false;
  if (mkdir("job/claim", 0777) != 0) std::quick_exit(0);
  const std::string parent = stat_line(std::to_string(getppid()));
  if (!write_file("job/pid", std::to_string(getpid()) + "\n" + stat_line("self") + "\n" + parent +
                                 "\n")) {
    return false;
  }
  const int log = open("files/user_logs/std_log.txt", O_WRONLY | O_APPEND | O_CREAT, 0666);
  if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return false;
  close(log);
  return chdir("work") == 0;
}

}  // namespace

SEXP fork_start(SEXP requests, SEXP answers) {
  server = getpid();
  fcntl(Rf_asInteger(requests), F_SETFD, FD_CLOEXEC);
  fcntl(Rf_asInteger(answers), F_SETFD, FD_CLOEXEC);
  struct sigaction none = {};
  none.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &none, &of_pipe);
  none.sa_handler = ignore;
  sigaction(SIGCHLD, &none, nullptr);
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ended, &before);  // it comes while fork_wait() waits
  return R_NilValue;
}

SEXP fork_wait(SEXP requests, SEXP closed) {
  const int fd = Rf_asInteger(requests);
  const bool is_open = Rf_asLogical(closed) != TRUE;
  while (true) {
    reap();
    if (!is_open && jobs().empty()) return Rf_ScalarLogical(FALSE);
    fd_set watched;
    FD_ZERO(&watched);
    if (is_open) FD_SET(fd, &watched);
    const int ready = pselect(is_open ? fd + 1 : 0, &watched, nullptr, nullptr, nullptr, &before);
    if (ready > 0) return Rf_ScalarLogical(TRUE);
  }
}

SEXP fork_job(SEXP place, SEXP wake, SEXP requests, SEXP answers) {
  pid_t pid = 0;
  {
    const Place given = {CHAR(STRING_ELT(place, 0)), CHAR(STRING_ELT(wake, 0))};
    std::fflush(nullptr);
    pid = fork();
    if (pid == 0) {
      if (!become(given, Rf_asInteger(requests), Rf_asInteger(answers))) std::quick_exit(1);
      jobs().clear();
    } else if (pid > 0) {
      jobs()[pid] = given;
    }
  }
  return Rf_ScalarInteger(static_cast<int>(pid));
}

SEXP fork_note_end(SEXP place, SEXP wake, SEXP status) {
  bool kept = true;
  if (getppid() != server) {
    const Place given = {CHAR(STRING_ELT(place, 0)), CHAR(STRING_ELT(wake, 0))};
    kept = note_end(given, Rf_asInteger(status));
  }
  return Rf_ScalarLogical(kept ? TRUE : FALSE);
}

}  // namespace tandemlab
