#ifndef TANDEMLAB_ARROW_ENTRY_H
#define TANDEMLAB_ARROW_ENTRY_H

#define R_NO_REMAP
#include <Rinternals.h>

namespace tandemlab {

// A stream for Python to fill, and the address of any stream as a decimal string: a double cannot
// hold every address. The stream lives as long as its external pointer.
SEXP arrow_stream();
SEXP arrow_address(SEXP pointer);

// These answer list(reason, where, detail, row, value, notices): a problem, or a value.
SEXP arrow_export(SEXP plan, SEXP utf8_session);   // the value is a stream
SEXP arrow_schema(SEXP pointer);                   // a tree of fields
SEXP arrow_import(SEXP pointer, SEXP plan);        // a tree of vectors

SEXP arrow_file_format(SEXP path);                 // "arrow" or "parquet"
SEXP arrow_read_file(SEXP path, SEXP lazy);        // a stream
SEXP arrow_write_file(SEXP pointer, SEXP path, SEXP as_stream, SEXP codec);  // NULL

// Lets go of what a stream holds, which its finalizer would do some time.
SEXP arrow_release(SEXP pointer);

SEXP arrow_slice(SEXP values, SEXP starts, SEXP sizes);
SEXP arrow_kept();

}  // namespace tandemlab

#endif
