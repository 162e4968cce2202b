#ifndef TANDEMLAB_ARROW_VECTORS_H
#define TANDEMLAB_ARROW_VECTORS_H

#define R_NO_REMAP
#include <R_ext/Utils.h>
#include <Rinternals.h>

#include "arrow_chunk.h"

// Columns of Arrow as plain vectors of R, which are allocated already and as long as the column.
// `kind` is that of the plan. Each answers false and reports a problem where a buffer is missing or
// a value has no place in R's type. R's thread; an interrupt or R error leaves the column as it is.
namespace tandemlab {

// Calls visit(chunk, position in the result) for every chunk.
template <class Visit>
void each_chunk(const Column& column, Visit visit) {
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    R_CheckUserInterrupt();
    visit(column.chunks[c], done);
    done += column.chunks[c].length;
  }
}

bool is_number(const char* format);

// Kinds "logical", "integer", "double", "integer64" and "raw".
bool read_numbers(const char* kind, const Column& column, SEXP out, Source from);

// Kind "binary": a list of raw vectors, with NULL for what is missing.
bool read_binaries(const Column& column, SEXP out, Source from);

// Kinds "date", "timestamp", "duration" and "time"; `scale` is seconds in 1 of R's unit.
bool read_time(const char* kind, double scale, const Column& column, double* out, Source from);

// Kinds "decimal_double" and "decimal_text": doubles or strings, as the type of `out` is.
bool read_decimals(const Column& column, SEXP out, Source from);

}  // namespace tandemlab

#endif
