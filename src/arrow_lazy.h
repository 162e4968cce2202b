#ifndef TANDEMLAB_ARROW_LAZY_H
#define TANDEMLAB_ARROW_LAZY_H

#define R_NO_REMAP
#include <R_ext/Rdynload.h>
#include <Rinternals.h>

#include "arrow_strings.h"

namespace tandemlab {

// A character vector that makes its strings when they are asked for. It takes the arrays of the
// column out of their parents and releases them, on R's thread, once it has made every string or
// is no longer needed. R's thread only; may raise an R error, which leaves the arrays where they
// were or to the garbage collector.
SEXP lazy_strings(const Column& column, const TextChunk* texts);

void register_lazy_strings(DllInfo* dll);

}  // namespace tandemlab

#endif
