/* What no conversion can beat: copying the bytes, making R's strings, and gathering their bytes. */

#include <R.h>
#include <Rinternals.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

SEXP limit_copy(SEXP x) {
  if (TYPEOF(x) == VECSXP) {
    SEXP out = PROTECT(allocVector(VECSXP, XLENGTH(x)));
    for (R_xlen_t i = 0; i < XLENGTH(x); i++) SET_VECTOR_ELT(out, i, limit_copy(VECTOR_ELT(x, i)));
    UNPROTECT(1);
    return out;
  }
  SEXP out = PROTECT(allocVector(TYPEOF(x), XLENGTH(x)));
  if (TYPEOF(x) == REALSXP) {
    memcpy(REAL(out), REAL(x), XLENGTH(x) * sizeof(double));
  } else if (TYPEOF(x) == STRSXP) {
    for (R_xlen_t i = 0; i < XLENGTH(x); i++) {
      SEXP s = STRING_ELT(x, i);
      SET_STRING_ELT(out, i, s == NA_STRING ? s : mkCharLenCE(CHAR(s), LENGTH(s), CE_UTF8));
    }
  } else {
    memcpy(INTEGER(out), INTEGER(x), XLENGTH(x) * sizeof(int));
  }
  UNPROTECT(1);
  return out;
}

/* The bytes of strings one after another in new memory, with the offsets of 64 bits that pandas
   wants. */
SEXP limit_gather(SEXP x) {
  R_xlen_t n = XLENGTH(x);
  size_t room = 0, size = 0;
  for (R_xlen_t i = 0; i < n; i++) room += LENGTH(STRING_ELT(x, i));
  int64_t *offsets = malloc((n + 1) * sizeof(int64_t));
  char *bytes = malloc(room + 1);
  if (offsets == NULL || bytes == NULL) error("memory is exhausted");
  for (R_xlen_t i = 0; i < n; i++) {
    SEXP s = STRING_ELT(x, i);
    offsets[i] = size;
    memcpy(bytes + size, CHAR(s), LENGTH(s));
    size += LENGTH(s);
  }
  offsets[n] = size;
  SEXP out = ScalarReal(offsets[n] + bytes[0]);
  free(offsets);
  free(bytes);
  return out;
}

/* Gives what is free back to the system, so that using it again shows. */
SEXP limit_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return R_NilValue;
}
