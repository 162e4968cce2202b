#ifndef TANDEMLAB_JSON_H
#define TANDEMLAB_JSON_H

#include "buffer.h"
#include "problem.h"

namespace tandemlab {

// UTF-8 bytes of a string; valid until the .Call ends.
struct Text {
  const char* data = nullptr;
  std::size_t size = 0;
};

// All of these call R's API, which may leave by longjmp: no object with a destructor is alive.

// The bytes of a CHARSXP that is not NA, checked to be valid UTF-8.
Problem text_of(SEXP charsxp, Text* text);

void put_text(Buffer* out, const Text& text);
void put_integer(Buffer* out, long long value);
void put_finite(Buffer* out, double value);  // exact, with `.0` or an exponent

// The text of a CHARSXP, or null.
Problem put_string(Buffer* out, SEXP charsxp);

// A scalar in the spool's form; `x` must have length one.
Problem put_scalar(Buffer* out, SEXP x);

// An array of scalars: an atomic vector, or a list of vectors of length one.
Problem put_array(Buffer* out, SEXP x);

// An object of scalars, from a named list.
Problem put_row(Buffer* out, SEXP x);

// An object of arrays of equal length, from a named list of columns.
Problem put_columns(Buffer* out, SEXP x);

// Nested lists: a named list is an object, another list an array, NULL is null, and a vector
// must be a scalar. Length never decides between scalar and array.
Problem put_tree(Buffer* out, SEXP x, int depth = 0);

}  // namespace tandemlab

#endif
