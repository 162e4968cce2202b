/* The bare write(2) from R: what no way of logging there can undercut. */

#include <fcntl.h>
#include <unistd.h>

#define R_NO_REMAP
#include <Rinternals.h>

SEXP bench_open(SEXP path) {
  const int flags = O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC;
  return Rf_ScalarInteger(open(CHAR(STRING_ELT(path, 0)), flags, 0666));
}

SEXP bench_write(SEXP descriptor, SEXP line) {
  const ssize_t count = write(INTEGER(descriptor)[0], RAW(line), (size_t)XLENGTH(line));
  return Rf_ScalarInteger((int)count);
}

SEXP bench_close(SEXP descriptor) { return Rf_ScalarInteger(close(INTEGER(descriptor)[0])); }
