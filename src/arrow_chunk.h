#ifndef TANDEMLAB_ARROW_CHUNK_H
#define TANDEMLAB_ARROW_CHUNK_H

#include <cstdint>
#include <cstring>

#include "arrow_abi.h"
#include "arrow_stream.h"

// The pieces of a column, and how their buffers are read. Nothing here is R's.
namespace tandemlab {

// `length` elements of an array from its physical position `at` (its offset included).
struct Chunk {
  ArrowArray* array;
  std::int64_t at;
  std::int64_t length;
};

// The pieces of one column in the order of its batches. The memory is R's (R_alloc).
struct Column {
  const ArrowSchema* schema = nullptr;
  const Chunk* chunks = nullptr;
  std::int64_t n_chunks = 0;
  std::int64_t length = 0;  // of all chunks together
};

struct Source {
  Report* report;

  bool damaged(const char* how) { return report->problem("damaged", 0, how); }
};

// Whether an array can hold `length` elements from `start` on, before its own offset is added.
const char* refuse_array(const ArrowArray* array, std::int64_t start, std::int64_t length);

inline const void* buffer(const Chunk& chunk, int which) { return chunk.array->buffers[which]; }

// Checks that every chunk has exactly `count` buffers and those after the bitmap are there.
bool check_buffers(const Column& column, std::int64_t count, Source from);

// The same for the views of strings and bytes, whose buffers are any number.
bool check_views(const Column& column, Source from);

// The bitmap of a chunk, or null when nothing is missing.
inline const unsigned char* validity(const Chunk& chunk) {
  if (chunk.array->null_count == 0 || chunk.array->n_buffers == 0) return nullptr;
  return static_cast<const unsigned char*>(buffer(chunk, 0));
}

inline bool bit(const unsigned char* bits, std::int64_t i) {
  return (bits[i >> 3] >> (i & 7) & 1) != 0;
}

inline bool present(const unsigned char* bits, std::int64_t i) {
  return bits == nullptr || bit(bits, i);
}

// Buffers need not be aligned.
template <class T>
T load(const void* values, std::int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(values) + i * static_cast<std::int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

// Where the bytes of an element of a view array are; null if they are not in its buffers.
const char* viewed(const ArrowArray* array, std::int64_t at, std::int64_t* size);

// Whether offsets never fall, from at least 0 on; `first` and `last` are the outer ones.
template <class Offset>
bool in_order(const void* offsets, std::int64_t at, std::int64_t length, Offset* first,
              Offset* last) {
  *first = load<Offset>(offsets, at);
  Offset before = *first;
  bool good = before >= 0;
  for (std::int64_t i = 1; i <= length; i++) {
    const Offset here = load<Offset>(offsets, at + i);
    good &= here >= before;
    before = here;
  }
  *last = before;
  return good;
}

inline double row_number(std::int64_t i) { return static_cast<double>(i + 1); }

}  // namespace tandemlab

#endif
