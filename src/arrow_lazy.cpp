#include "arrow_lazy.h"

#include <R_ext/Altrep.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace tandemlab {
namespace {

R_altrep_class_t lazy_class;

struct Piece {
  ArrowArray array;  // owned
  TextChunk text;         // of that array
  std::int64_t start;
};

// What the vector still needs of Arrow. Belongs to the external pointer data1; data2 of the vector
// is NULL or a character vector with the strings made so far, empty ones where there are none yet.
struct Lazy {
  pid_t process;
  std::int64_t length;
  std::int64_t made;
  std::int64_t n_pieces;
  Piece pieces[1];
};

// Whether what was lent may be given back here. A fork would give back what is its parent's, and
// a Python that has ended runs nothing more; both cases end with the process.
bool may_release(const Lazy* lazy) {
  if (lazy->process != getpid()) return false;
  using Question = int (*)();
  const auto is_alive = reinterpret_cast<Question>(dlsym(RTLD_DEFAULT, "Py_IsInitialized"));
  return is_alive == nullptr || is_alive() != 0;
}

// R's thread, also during a garbage collection.
void release(SEXP pointer) {
  Lazy* lazy = static_cast<Lazy*>(R_ExternalPtrAddr(pointer));
  if (lazy == nullptr) return;
  R_ClearExternalPtr(pointer);
  for (std::int64_t i = 0; i < lazy->n_pieces && may_release(lazy); i++) {
    ArrowArray* array = &lazy->pieces[i].array;
    if (array->release != nullptr) array->release(array);
  }
  std::free(lazy);
}

// Null once every string has been made.
Lazy* lazy_of(SEXP x) { return static_cast<Lazy*>(R_ExternalPtrAddr(R_altrep_data1(x))); }

SEXP strings_of(SEXP x, const Lazy* lazy) {
  if (lazy != nullptr && R_altrep_data2(x) == R_NilValue) {
    R_set_altrep_data2(x, Rf_allocVector(STRSXP, lazy->length));
  }
  return R_altrep_data2(x);
}

// The last piece that starts at or before row `i`.
const Piece& piece_of(const Lazy* lazy, std::int64_t i) {
  std::int64_t low = 0, high = lazy->n_pieces;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (lazy->pieces[middle].start <= i ? low : high) = middle;
  }
  return lazy->pieces[low];
}

SEXP make_row(const Lazy* lazy, std::int64_t i) {
  const Piece& piece = piece_of(lazy, i);
  return make_string(piece.text, i - piece.start);
}

// Makes every string and lets go of Arrow. Not to be interrupted: R calls this with its garbage
// collector switched off, and would leave it so.
SEXP make_all(SEXP x) {
  Lazy* lazy = lazy_of(x);
  SEXP strings = PROTECT(strings_of(x, lazy));
  if (lazy != nullptr) {
    for (std::int64_t i = 0; i < lazy->n_pieces; i++) {
      fill_strings(lazy->pieces[i].text, strings, lazy->pieces[i].start, false);
    }
    release(R_altrep_data1(x));
  }
  UNPROTECT(1);
  return strings;
}

// Methods -----------------------------------------------------------------------------------------

R_xlen_t length_of(SEXP x) {
  const Lazy* lazy = lazy_of(x);
  return lazy == nullptr ? XLENGTH(R_altrep_data2(x)) : static_cast<R_xlen_t>(lazy->length);
}

// Strings that were made are kept: R's code relies on it that a vector protects its elements. Who
// asks for many asks for all, which is quicker at once.
SEXP element(SEXP x, R_xlen_t i) {
  Lazy* lazy = lazy_of(x);
  SEXP strings = strings_of(x, lazy);
  if (lazy == nullptr || STRING_ELT(strings, i) != R_BlankString) return STRING_ELT(strings, i);
  if (++lazy->made > lazy->length / 16) return STRING_ELT(make_all(x), i);
  SET_STRING_ELT(strings, i, make_row(lazy, i));
  return STRING_ELT(strings, i);
}

void set_element(SEXP x, R_xlen_t i, SEXP value) {
  PROTECT(value);
  SET_STRING_ELT(make_all(x), i, value);
  UNPROTECT(1);
}

void* pointer(SEXP x, Rboolean) { return const_cast<SEXP*>(STRING_PTR_RO(make_all(x))); }

const void* pointer_or_null(SEXP x) {
  return lazy_of(x) == nullptr ? STRING_PTR_RO(R_altrep_data2(x)) : nullptr;
}

// Only the strings that are asked for, unless all are there. Null: R does it.
SEXP subset(SEXP x, SEXP rows, SEXP) {
  const Lazy* lazy = lazy_of(x);
  if (lazy == nullptr || (TYPEOF(rows) != INTSXP && TYPEOF(rows) != REALSXP)) return nullptr;
  const R_xlen_t n = XLENGTH(rows);
  if (n > lazy->length / 2) return nullptr;
  SEXP out = PROTECT(Rf_allocVector(STRSXP, n));
  for (R_xlen_t i = 0; i < n; i++) {
    const double row = TYPEOF(rows) == REALSXP       ? REAL_ELT(rows, i)
                       : INTEGER_ELT(rows, i) == NA_INTEGER ? NA_REAL
                                                     : INTEGER_ELT(rows, i);
    const bool inside = row >= 1 && row <= static_cast<double>(lazy->length);
    SEXP string = inside ? make_row(lazy, static_cast<std::int64_t>(row) - 1) : NA_STRING;
    SET_STRING_ELT(out, i, string);
  }
  UNPROTECT(1);
  return out;
}

int nothing_missing(SEXP x) {
  const Lazy* lazy = lazy_of(x);
  if (lazy == nullptr) return 0;
  for (std::int64_t i = 0; i < lazy->n_pieces; i++) {
    if (lazy->pieces[i].text.bits != nullptr) return 0;
  }
  return 1;
}

Rboolean inspect(SEXP x, int, int, int, void (*)(SEXP, int, int, int)) {
  const Lazy* lazy = lazy_of(x);
  if (lazy == nullptr) {
    Rprintf("strings from Arrow, all made\n");
  } else {
    Rprintf("strings from Arrow, %.0f of %.0f made\n", static_cast<double>(lazy->made),
            static_cast<double>(lazy->length));
  }
  return TRUE;
}

}  // namespace

SEXP lazy_strings(const Column& column, const TextChunk* texts) {
  SEXP owner = PROTECT(R_MakeExternalPtr(nullptr, R_NilValue, R_NilValue));
  R_RegisterCFinalizer(owner, release);
  SEXP out = PROTECT(R_new_altrep(lazy_class, owner, R_NilValue));
  const std::size_t n = static_cast<std::size_t>(column.n_chunks);
  Lazy* lazy = static_cast<Lazy*>(std::calloc(1, sizeof(Lazy) + n * sizeof(Piece)));
  if (lazy == nullptr) Rf_error("memory is exhausted");
  lazy->process = getpid();
  lazy->length = column.length;
  std::int64_t start = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    if (texts[c].length == 0) continue;
    Piece* piece = &lazy->pieces[lazy->n_pieces++];
    piece->array = *column.chunks[c].array;
    column.chunks[c].array->release = nullptr;
    piece->text = texts[c];
    piece->text.array = &piece->array;
    piece->start = start;
    start += texts[c].length;
  }
  R_SetExternalPtrAddr(owner, lazy);
  UNPROTECT(2);
  return out;
}

void register_lazy_strings(DllInfo* dll) {
  lazy_class = R_make_altstring_class("lazy_strings", "tandemlab", dll);
  R_set_altrep_Length_method(lazy_class, length_of);
  R_set_altrep_Inspect_method(lazy_class, inspect);
  R_set_altvec_Dataptr_method(lazy_class, pointer);
  R_set_altvec_Dataptr_or_null_method(lazy_class, pointer_or_null);
  R_set_altvec_Extract_subset_method(lazy_class, subset);
  R_set_altstring_Elt_method(lazy_class, element);
  R_set_altstring_Set_elt_method(lazy_class, set_element);
  R_set_altstring_No_NA_method(lazy_class, nothing_missing);
}

}  // namespace tandemlab
