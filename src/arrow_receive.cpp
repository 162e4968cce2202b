#include "arrow_receive.h"

#include <R.h>
#include <R_ext/Utils.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "utf8.h"

namespace tandemlab {
namespace {

// The value of a key of the metadata as a string, or NULL.
SEXP metadata_value(const char* metadata, const char* key) {
  if (metadata == nullptr) return R_NilValue;
  std::int32_t count, size;
  std::memcpy(&count, metadata, 4);
  const char* at = metadata + 4;
  for (std::int32_t i = 0; i < count; i++) {
    std::memcpy(&size, at, 4);
    if (size < 0) return R_NilValue;
    const bool found = static_cast<std::size_t>(size) == std::strlen(key) &&
                       std::memcmp(at + 4, key, static_cast<std::size_t>(size)) == 0;
    at += 4 + size;
    std::memcpy(&size, at, 4);
    if (size < 0) return R_NilValue;
    if (found) {
      if (std::memchr(at + 4, 0, static_cast<std::size_t>(size)) != nullptr) return R_NilValue;
      return Rf_ScalarString(clean_text(at + 4, static_cast<std::size_t>(size)));
    }
    at += 4 + size;
  }
  return R_NilValue;
}

bool is_text(const char* text) {
  return is_utf8(text, static_cast<std::int64_t>(std::strlen(text)));
}

bool sound(const ArrowSchema* schema) {
  if (schema == nullptr || schema->release == nullptr || schema->format == nullptr) return false;
  if (!is_text(schema->format)) return false;
  if (schema->name != nullptr && !is_text(schema->name)) return false;
  if (schema->n_children < 0 || schema->n_children > INT32_MAX) return false;
  return schema->n_children == 0 || schema->children != nullptr;
}

bool stream_failed(Stream* owned, int code, Source from) {
  const char* why = owned->stream.get_last_error == nullptr
                        ? nullptr
                        : owned->stream.get_last_error(&owned->stream);
  return from.report->problem("stream", code, why);
}

}  // namespace

SEXP describe(const ArrowSchema* schema, Report* report) {
  const char* name = schema == nullptr ? nullptr : schema->name;
  if (!report->enter(name)) return nullptr;
  if (!sound(schema)) {
    report->problem("damaged", 0, "its schema is not well formed");
    return nullptr;
  }
  const char* names[] = {"format",  "name",     "tag",        "extension",
                         "ordered", "children", "dictionary", ""};
  SEXP list = PROTECT(Rf_mkNamed(VECSXP, names));
  const char* shown = name == nullptr ? "" : name;
  SET_VECTOR_ELT(list, 0, Rf_mkString(schema->format));
  SET_VECTOR_ELT(list, 1, Rf_ScalarString(Rf_mkCharCE(shown, CE_UTF8)));
  SET_VECTOR_ELT(list, 2, metadata_value(schema->metadata, "tandemlab:r"));
  SET_VECTOR_ELT(list, 3, metadata_value(schema->metadata, "ARROW:extension:name"));
  const bool ordered = (schema->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0;
  SET_VECTOR_ELT(list, 4, Rf_ScalarLogical(ordered));
  SEXP children = Rf_allocVector(VECSXP, schema->n_children);
  SET_VECTOR_ELT(list, 5, children);
  for (std::int64_t i = 0; i < schema->n_children; i++) {
    SEXP child = describe(schema->children[i], report);
    if (child == nullptr) {
      UNPROTECT(1);
      return nullptr;
    }
    SET_VECTOR_ELT(children, i, child);
  }
  if (schema->dictionary != nullptr) {
    SEXP values = describe(schema->dictionary, report);
    if (values == nullptr) {
      UNPROTECT(1);
      return nullptr;
    }
    SET_VECTOR_ELT(list, 6, values);
  }
  report->leave();
  UNPROTECT(1);
  return list;
}

bool open_schema(Stream* owned, Source from) {
  if (owned == nullptr) return from.report->problem("dead");
  if (owned->schema.release != nullptr) return true;
  ArrowArrayStream* stream = &owned->stream;
  if (stream->release == nullptr || stream->get_schema == nullptr || stream->get_next == nullptr) {
    return from.report->problem("dead");
  }
  const int code = stream->get_schema(stream, &owned->schema);
  if (code != 0) {
    owned->schema.release = nullptr;
    return stream_failed(owned, code, from);
  }
  return true;
}

bool take_batches(Stream* owned, Source from) {
  std::int64_t room = owned->n_batches;
  for (;;) {
    R_CheckUserInterrupt();
    if (owned->n_batches == room) {
      room = room == 0 ? 8 : room * 2;
      void* grown = std::realloc(owned->batches, static_cast<std::size_t>(room) * sizeof(ArrowArray));
      if (grown == nullptr) return from.report->problem("memory");
      owned->batches = static_cast<ArrowArray*>(grown);
    }
    ArrowArray* next = owned->batches + owned->n_batches;
    std::memset(next, 0, sizeof *next);
    const int code = owned->stream.get_next(&owned->stream, next);
    if (code != 0) return stream_failed(owned, code, from);
    if (next->release == nullptr) return true;
    owned->n_batches++;
  }
}

bool join_batches(Stream* owned, Column* whole, Source from) {
  Chunk* chunks = reinterpret_cast<Chunk*>(
      R_alloc(static_cast<std::size_t>(owned->n_batches) + 1, sizeof(Chunk)));
  std::int64_t rows = 0;
  for (std::int64_t i = 0; i < owned->n_batches; i++) {
    ArrowArray* batch = owned->batches + i;
    const char* why = refuse_array(batch, 0, batch->length);
    if (why != nullptr) return from.damaged(why);
    if (__builtin_add_overflow(rows, batch->length, &rows) || rows > INT32_MAX) {
      return from.report->problem("long");
    }
    chunks[i] = {batch, batch->offset, batch->length};
  }
  *whole = {&owned->schema, chunks, owned->n_batches, rows};
  return true;
}

void close_stream(Stream* owned) {
  for (std::int64_t i = 0; i < owned->n_batches; i++) {
    if (owned->batches[i].release != nullptr) owned->batches[i].release(&owned->batches[i]);
  }
  owned->n_batches = 0;
  if (owned->stream.release != nullptr) owned->stream.release(&owned->stream);
}

}  // namespace tandemlab
