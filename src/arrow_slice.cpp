#define R_NO_REMAP
#include <R.h>
#include <R_ext/Utils.h>
#include <Rinternals.h>

#include <cmath>
#include <cstring>

#include "arrow_entry.h"

namespace tandemlab {

// The slices of a vector as a list; NULL where the size is NA. Each has the attributes of the
// whole, which describe its type (class, levels, zone, units), and has no names.
SEXP arrow_slice(SEXP values, SEXP starts, SEXP sizes) {
  const R_xlen_t n = XLENGTH(sizes), there = XLENGTH(values);
  const double *start = REAL_RO(starts), *size = REAL_RO(sizes);
  SEXP out = PROTECT(Rf_allocVector(VECSXP, n));
  for (R_xlen_t i = 0; i < n; i++) {
    if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
    if (std::isnan(size[i])) continue;
    if (!(start[i] >= 1 && size[i] >= 0 && start[i] - 1 + size[i] <= static_cast<double>(there))) {
      Rf_error("a slice lies outside its vector");
    }
    const R_xlen_t from = static_cast<R_xlen_t>(start[i]) - 1, count = static_cast<R_xlen_t>(size[i]);
    SEXP slice = Rf_allocVector(TYPEOF(values), count);
    SET_VECTOR_ELT(out, i, slice);
    const std::size_t bytes = static_cast<std::size_t>(count);
    switch (TYPEOF(values)) {
      case LGLSXP:
        if (count > 0) std::memcpy(LOGICAL(slice), LOGICAL_RO(values) + from, bytes * 4);
        break;
      case INTSXP:
        if (count > 0) std::memcpy(INTEGER(slice), INTEGER_RO(values) + from, bytes * 4);
        break;
      case REALSXP:
        if (count > 0) std::memcpy(REAL(slice), REAL_RO(values) + from, bytes * 8);
        break;
      case CPLXSXP:
        if (count > 0) std::memcpy(COMPLEX(slice), COMPLEX_RO(values) + from, bytes * 16);
        break;
      case RAWSXP:
        if (count > 0) std::memcpy(RAW(slice), RAW_RO(values) + from, bytes);
        break;
      case STRSXP:
        for (R_xlen_t j = 0; j < count; j++) SET_STRING_ELT(slice, j, STRING_ELT(values, from + j));
        break;
      case VECSXP:
        for (R_xlen_t j = 0; j < count; j++) SET_VECTOR_ELT(slice, j, VECTOR_ELT(values, from + j));
        break;
      default:
        Rf_error("a list of this type cannot be made");
    }
    if (ATTRIB(values) != R_NilValue) Rf_copyMostAttrib(values, slice);
    if (Rf_getAttrib(values, R_LevelsSymbol) != R_NilValue) {
      Rf_setAttrib(slice, R_LevelsSymbol, Rf_getAttrib(values, R_LevelsSymbol));
    }
  }
  UNPROTECT(1);
  return out;
}

}  // namespace tandemlab
