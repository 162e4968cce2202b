#include "arrow_vectors.h"

#include <R.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace tandemlab {
namespace {

bool put_bytes(SEXP out, std::int64_t i, const char* bytes, std::int64_t size) {
  SEXP element = Rf_allocVector(RAWSXP, size);
  SET_VECTOR_ELT(out, i, element);
  if (size > 0) std::memcpy(RAW(element), bytes, static_cast<std::size_t>(size));
  return true;
}

template <class Offset>
bool read_binary(const Column& column, SEXP out, Source from) {
  if (!check_buffers(column, 3, from)) return false;
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    const Chunk& chunk = column.chunks[c];
    if (chunk.length == 0) continue;
    const void* offsets = buffer(chunk, 1);
    const char* bytes = static_cast<const char*>(buffer(chunk, 2));
    const unsigned char* bits = validity(chunk);
    Offset first, last;
    if (!in_order(offsets, chunk.at, chunk.length, &first, &last)) {
      return from.damaged("its offsets are out of order");
    }
    if (bytes == nullptr && last > first) return from.damaged("a buffer is missing");
    for (std::int64_t i = 0; i < chunk.length; i++) {
      if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
      if (!present(bits, chunk.at + i)) continue;
      const Offset start = load<Offset>(offsets, chunk.at + i);
      const Offset end = load<Offset>(offsets, chunk.at + i + 1);
      put_bytes(out, done + i, bytes + (end > start ? start : 0), end - start);
    }
    done += chunk.length;
  }
  return true;
}

bool read_binary_views(const Column& column, SEXP out, Source from) {
  if (!check_views(column, from)) return false;
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    const Chunk& chunk = column.chunks[c];
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; i < chunk.length; i++) {
      if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
      if (!present(bits, chunk.at + i)) continue;
      std::int64_t size;
      const char* bytes = viewed(chunk.array, chunk.at + i, &size);
      if (bytes == nullptr) return from.damaged("an element lies outside its buffer");
      put_bytes(out, done + i, bytes, size);
    }
    done += chunk.length;
  }
  return true;
}

bool read_fixed_binary(const Column& column, SEXP out, Source from) {
  const long width = std::strtol(column.schema->format + 2, nullptr, 10);
  if (width < 0 || width > INT32_MAX) return from.damaged("its width is negative or too large");
  if (!check_buffers(column, 2, from)) return false;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const char* bytes = static_cast<const char*>(buffer(chunk, 1));
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; i < chunk.length; i++) {
      if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
      if (!present(bits, chunk.at + i)) continue;
      put_bytes(out, done + i, bytes + (chunk.at + i) * width, width);
    }
  });
  return true;
}

}  // namespace

bool read_binaries(const Column& column, SEXP out, Source from) {
  const char* format = column.schema->format;
  if (std::strcmp(format, "z") == 0) return read_binary<std::int32_t>(column, out, from);
  if (std::strcmp(format, "Z") == 0) return read_binary<std::int64_t>(column, out, from);
  if (std::strcmp(format, "vz") == 0) return read_binary_views(column, out, from);
  if (std::strncmp(format, "w:", 2) == 0) return read_fixed_binary(column, out, from);
  return from.report->problem("type", 0, format);
}

}  // namespace tandemlab
