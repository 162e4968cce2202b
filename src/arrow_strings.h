#ifndef TANDEMLAB_ARROW_STRINGS_H
#define TANDEMLAB_ARROW_STRINGS_H

#define R_NO_REMAP
#include <Rinternals.h>

#include "arrow_chunk.h"

namespace tandemlab {

// Text of one chunk, checked: every string lies in its buffers, is UTF-8 and has no NUL. Holds
// nothing itself; it is good as long as the array behind it.
struct TextChunk {
  enum class Layout { offsets32, offsets64, views };
  Layout layout;
  const ArrowArray* array;
  std::int64_t at;
  std::int64_t length;
  const unsigned char* bits;

  bool present(std::int64_t i) const { return tandemlab::present(bits, at + i); }
  const char* get(std::int64_t i, std::int64_t* size) const;
};

// Checks all text of a column, of Arrow's types "u", "U" and "vu", and says where its chunks are:
// n_chunks of them, in R_alloc's memory. Null and a problem if it is damaged or no text for R.
TextChunk* check_text(const Column& column, Source from);

// Whether none is missing and no two are the same.
bool all_distinct(const TextChunk& text);

// A string, or NA. R's thread; the caller protects it.
SEXP make_string(const TextChunk& text, std::int64_t i);

// Makes the strings of a chunk in `out` from its element `from` on.
void fill_strings(const TextChunk& text, SEXP out, std::int64_t from, bool interruptible);

}  // namespace tandemlab

#endif
