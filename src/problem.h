#ifndef TANDEMLAB_PROBLEM_H
#define TANDEMLAB_PROBLEM_H

#define R_NO_REMAP
#include <Rinternals.h>

namespace tandemlab {

// Why a call was refused. R/native.R turns it into prose and a classed condition, so that no
// error is raised while C++ runs. Every pointer is a literal or belongs to the caller.
struct Problem {
  const char* reason = nullptr;   // null: all is well
  SEXP where = nullptr;           // CHARSXP: the column or element concerned
  const char* detail = nullptr;   // by reason: a type, an operation
  double number = 0;              // by reason: a length, a position, an errno

  explicit operator bool() const { return reason != nullptr; }
};

// NULL when there is no problem, else a list with reason, where, detail, number.
SEXP as_list(const Problem& problem);

}  // namespace tandemlab

#endif
