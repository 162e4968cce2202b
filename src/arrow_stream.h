#ifndef TANDEMLAB_ARROW_STREAM_H
#define TANDEMLAB_ARROW_STREAM_H

#define R_NO_REMAP
#include <Rinternals.h>

#include "arrow_abi.h"

namespace tandemlab {

// A stream between the languages, and what has been read from it. An R external pointer owns it,
// so that R may leave any function by longjmp and its finalizer still releases everything.
struct Stream {
  std::uint64_t magic;
  ArrowArrayStream stream;
  ArrowSchema schema;
  ArrowArray* batches;
  std::int64_t n_batches;
};

// A new external pointer to an empty stream. R's thread only.
SEXP new_stream();

// The stream behind an external pointer of new_stream(), or null for anything else.
Stream* stream_of(SEXP pointer);

// A CHARSXP of a text that may have been cut inside a character, or be no UTF-8 at all.
SEXP clean_text(const char* text, std::size_t size);

// What a converter has to say: one problem, which stops it, and notices, which do not. Holds no
// memory of its own; texts are cut to fit.
struct Report {
  static constexpr int deepest = 32;
  const char* path[deepest];
  int depth = 0;
  const char* reason = nullptr;  // a literal; null: all is well
  char where[512] = "";
  char detail[1024] = "";
  double row = 0;                // from 1; 0 if it concerns the whole column
  SEXP notices = nullptr;        // a protected cell whose CDR is the list

  explicit Report(SEXP cell) : notices(cell) {}

  // Always false, to be returned. `detail` is copied.
  bool problem(const char* reason, double row = 0, const char* detail = nullptr);
  bool enter(const char* name);
  void leave() { depth--; }
  void notice(const char* reason, double row);
  SEXP as_list(SEXP value) const;

 private:
  void join(char* text, std::size_t size) const;
};

}  // namespace tandemlab

#endif
