/* What no conversion can beat: copying the bytes, and making R's strings. */

#include <R.h>
#include <Rinternals.h>
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

/* Gives what is free back to the system, so that using it again shows. */
SEXP limit_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return R_NilValue;
}
