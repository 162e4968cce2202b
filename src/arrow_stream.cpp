#include "arrow_stream.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arrow_entry.h"
#include "arrow_keep.h"
#include "utf8.h"

namespace tandemlab {
namespace {

constexpr std::uint64_t magic = 0x74616e64656d6c62;

// R's thread, during or after a garbage collection.
void finalize(SEXP pointer) {
  Stream* owned = static_cast<Stream*>(R_ExternalPtrAddr(pointer));
  if (owned == nullptr) return;
  R_ClearExternalPtr(pointer);
  for (std::int64_t i = 0; i < owned->n_batches; i++) {
    if (owned->batches[i].release != nullptr) owned->batches[i].release(&owned->batches[i]);
  }
  std::free(owned->batches);
  if (owned->schema.release != nullptr) owned->schema.release(&owned->schema);
  if (owned->stream.release != nullptr) owned->stream.release(&owned->stream);
  owned->magic = 0;
  std::free(owned);
}

SEXP tag() { return Rf_install("tandemlab_arrow_stream"); }

}  // namespace

SEXP new_stream() {
  SEXP pointer = PROTECT(R_MakeExternalPtr(nullptr, tag(), R_NilValue));
  R_RegisterCFinalizer(pointer, finalize);
  Stream* owned = static_cast<Stream*>(std::calloc(1, sizeof(Stream)));
  if (owned == nullptr) Rf_error("memory is exhausted");
  owned->magic = magic;
  R_SetExternalPtrAddr(pointer, owned);
  UNPROTECT(1);
  return pointer;
}

Stream* stream_of(SEXP pointer) {
  if (TYPEOF(pointer) != EXTPTRSXP || R_ExternalPtrTag(pointer) != tag()) return nullptr;
  Stream* owned = static_cast<Stream*>(R_ExternalPtrAddr(pointer));
  return owned != nullptr && owned->magic == magic ? owned : nullptr;
}

SEXP clean_text(const char* text, std::size_t size) {
  for (std::size_t cut = 0; cut < 4 && cut <= size; cut++) {
    if (is_utf8(text, static_cast<std::int64_t>(size - cut))) {
      return Rf_mkCharLenCE(text, static_cast<int>(size - cut), CE_UTF8);
    }
  }
  char* ascii = R_alloc(size, 1);
  for (std::size_t i = 0; i < size; i++) ascii[i] = (text[i] & 0x80) != 0 ? '?' : text[i];
  return Rf_mkCharLenCE(ascii, static_cast<int>(size), CE_UTF8);
}

bool Report::problem(const char* why, double at, const char* text) {
  reason = why;
  row = at;
  join(where, sizeof where);
  std::snprintf(detail, sizeof detail, "%s", text == nullptr ? "" : text);
  return false;
}

bool Report::enter(const char* name) {
  if (depth == deepest) return problem("deep");
  path[depth++] = name == nullptr ? "" : name;
  return true;
}

void Report::notice(const char* why, double at) {
  char text[512];
  join(text, sizeof text);
  SEXP one = PROTECT(Rf_allocVector(VECSXP, 3));
  SET_VECTOR_ELT(one, 0, Rf_mkString(why));
  SET_VECTOR_ELT(one, 1, Rf_ScalarString(clean_text(text, std::strlen(text))));
  SET_VECTOR_ELT(one, 2, Rf_ScalarReal(at));
  SETCDR(notices, Rf_cons(one, CDR(notices)));
  UNPROTECT(1);
}

// "a$b" for the column b of the nested frame a. The root of the tree has no name.
void Report::join(char* text, std::size_t size) const {
  std::size_t used = 0;
  text[0] = '\0';
  for (int i = 1; i < depth && used + 1 < size; i++) {
    int more = std::snprintf(text + used, size - used, "%s%s", i > 1 ? "$" : "", path[i]);
    used += more < 0 ? 0 : static_cast<std::size_t>(more);
  }
}

SEXP Report::as_list(SEXP value) const {
  PROTECT(value);
  const char* names[] = {"reason", "where", "detail", "row", "value", "notices", ""};
  SEXP list = PROTECT(Rf_mkNamed(VECSXP, names));
  if (reason != nullptr) {
    SET_VECTOR_ELT(list, 0, Rf_mkString(reason));
    SET_VECTOR_ELT(list, 1, Rf_ScalarString(clean_text(where, std::strlen(where))));
    SET_VECTOR_ELT(list, 2, Rf_ScalarString(clean_text(detail, std::strlen(detail))));
    SET_VECTOR_ELT(list, 3, Rf_ScalarReal(row));
  } else {
    SET_VECTOR_ELT(list, 4, value);
  }
  SET_VECTOR_ELT(list, 5, Rf_PairToVectorList(CDR(notices)));
  UNPROTECT(2);
  return list;
}

SEXP arrow_stream() { return new_stream(); }

SEXP arrow_address(SEXP pointer) {
  Stream* owned = stream_of(pointer);
  if (owned == nullptr) return R_NilValue;
  char text[32];
  std::snprintf(text, sizeof text, "%" PRIuPTR, reinterpret_cast<std::uintptr_t>(&owned->stream));
  return Rf_mkString(text);
}

// What a conversion that failed has left, without waiting for the garbage collector: the producer may
// hold a connection or a file.
SEXP arrow_release(SEXP pointer) {
  if (stream_of(pointer) != nullptr) finalize(pointer);
  return R_NilValue;
}

SEXP arrow_kept() {
  empty_queue();
  return Rf_ScalarReal(static_cast<double>(kept_objects()));
}

}  // namespace tandemlab
