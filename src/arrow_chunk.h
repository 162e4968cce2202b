#ifndef TANDEMLAB_ARROW_CHUNK_H
#define TANDEMLAB_ARROW_CHUNK_H

#include <cstdint>

#include "arrow_abi.h"
#include "arrow_buffers.h"
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

// Where the bytes of an element of a view array are; null if they are not in its buffers.
const char* viewed(const ArrowArray* array, std::int64_t at, std::int64_t* size);

inline double row_number(std::int64_t i) { return static_cast<double>(i + 1); }

}  // namespace tandemlab

#endif
