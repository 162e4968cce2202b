#ifndef TANDEMLAB_IPC_REFUSAL_H
#define TANDEMLAB_IPC_REFUSAL_H

#include <string>
#include <utility>

namespace tandemlab {

// Why a file was not read or written. The code behind ipc_*.cpp throws it and calls no R API, so
// that objects with destructors may live there; ipc_entry.cpp catches it before R is called again.
struct Refusal {
  const char* reason;  // a literal that R/frames.R has prose for
  std::string detail;
  std::string where = "";  // the column, as "a$b"; empty: the file as a whole

  explicit Refusal(const char* why, std::string what = "")
      : reason(why), detail(std::move(what)) {}
};

// Runs `read` for a column, so that what it refuses bears the column's name.
template <class Read>
auto in_column(const std::string& name, Read read) {
  try {
    return read();
  } catch (Refusal& refusal) {
    refusal.where = refusal.where.empty() ? name : name + "$" + refusal.where;
    throw;
  }
}

[[noreturn]] inline void damaged(const char* how) { throw Refusal("damaged", how); }

}  // namespace tandemlab

#endif
