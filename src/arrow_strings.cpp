#include "arrow_strings.h"

#include <R.h>
#include <R_ext/Utils.h>

#include "utf8.h"

namespace tandemlab {
namespace {

// Checking ----------------------------------------------------------------------------------------

// R cannot hold a NUL in a string, and would not notice bytes that are not UTF-8.
const char* refuse_text(const char* text, std::int64_t size) {
  if (size > INT32_MAX) return "long_text";
  if (std::memchr(text, 0, static_cast<std::size_t>(size)) != nullptr) return "nul";
  return is_utf8(text, size) ? nullptr : "encoding";
}

bool check_each(const TextChunk& text, std::int64_t done, Source from) {
  for (std::int64_t i = 0; i < text.length; i++) {
    if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
    if (!text.present(i)) continue;
    std::int64_t size;
    const char* bytes = text.get(i, &size);
    if (bytes == nullptr) return from.damaged("a string lies outside its buffer");
    const char* why = refuse_text(bytes, size);
    if (why != nullptr) return from.report->problem(why, row_number(done + i));
  }
  return true;
}

// Whether no string begins inside a character, when the bytes as a whole are well formed.
template <class Offset>
bool begins_whole(const TextChunk& text, const char* bytes, Offset last) {
  bool good = true;
  for (std::int64_t i = 0; i < text.length; i++) {
    const Offset start = load<Offset>(text.array->buffers[1], text.at + i);
    good &= start == last || !continues(bytes[start]);
  }
  return good;
}

// Looks at all bytes at once, and at single strings only if that finds something: what lies under
// a missing value may be anything.
template <class Offset>
bool check_offsets(const TextChunk& text, std::int64_t done, Source from) {
  const char* bytes = static_cast<const char*>(text.array->buffers[2]);
  Offset first, last;
  if (!in_order(text.array->buffers[1], text.at, text.length, &first, &last)) {
    return from.damaged("its offsets are out of order");
  }
  const std::int64_t size = static_cast<std::int64_t>(last) - first;
  if (size == 0) return true;
  if (bytes == nullptr) return from.damaged("a buffer is missing");
  R_CheckUserInterrupt();
  const bool nul = std::memchr(bytes + first, 0, static_cast<std::size_t>(size)) != nullptr;
  if (!nul && size <= INT32_MAX) {
    if (is_ascii(bytes + first, size)) return true;
    if (is_utf8(bytes + first, size) && begins_whole(text, bytes, last)) return true;
  }
  return check_each(text, done, from);
}

TextChunk::Layout layout_of(const char* format) {
  if (format[0] == 'u') return TextChunk::Layout::offsets32;
  return format[0] == 'U' ? TextChunk::Layout::offsets64 : TextChunk::Layout::views;
}

// Making ------------------------------------------------------------------------------------------

SEXP make(const char* text, std::int64_t size) {
  return Rf_mkCharLenCE(text, static_cast<int>(size), CE_UTF8);
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}

std::uint64_t hash_of(const char* text, std::int64_t size) {
  std::uint64_t hash = static_cast<std::uint64_t>(size) * 0x9e3779b97f4a7c15;
  std::int64_t i = 0;
  for (; i + 8 <= size; i += 8) hash = mix(hash, load<std::uint64_t>(text + i, 0));
  std::uint64_t last = 0;
  if (i < size) std::memcpy(&last, text + i, static_cast<std::size_t>(size - i));
  hash = mix(hash, last);
  return hash ^ hash >> 32;
}

// Where strings of a chunk came before, found by their bytes: R's own table of strings is global,
// and each look into it waits for memory several times. Takes half a byte for each string. A place
// holds a row, counted from 1, and above it as many bits of the hash as there is room for.
struct Recent {
  static constexpr std::int64_t few = 256;  // for fewer the table costs more than it saves
  static constexpr std::int64_t trial = 16384;
  static constexpr std::uint64_t together = 4;  // places where a string may be
  std::uint32_t* places = nullptr;
  std::uint64_t last = 0;
  int row_bits = 0;
  std::int64_t asked = 0, found = 0;

  explicit Recent(std::int64_t n) {
    if (n <= few) return;
    std::size_t size = 4096;
    while (size < static_cast<std::size_t>(n) / 8) size *= 2;
    while (n >> row_bits != 0) row_bits++;
    last = size - 1;
    places = reinterpret_cast<std::uint32_t*>(R_alloc(size, sizeof(std::uint32_t)));
    std::memset(places, 0, size * sizeof(std::uint32_t));
  }

  // The string of row `i`; `made` are those of the rows before.
  SEXP get(const char* text, std::int64_t size, std::int64_t i, const SEXP* made) {
    if (asked == trial && found < trial / 64) places = nullptr;
    if (places == nullptr) return make(text, size);
    asked++;
    const std::uint64_t hash = hash_of(text, size);
    std::uint32_t* set = places + (hash & last & ~(together - 1));
    const std::uint64_t mark = hash >> 32 << row_bits & UINT32_MAX;
    const std::uint64_t rows = (std::uint64_t{1} << row_bits) - 1;
    std::uint64_t place = 0;
    for (; place < together && set[place] != 0; place++) {
      if ((set[place] & ~rows) != mark) continue;
      SEXP known = made[(set[place] & rows) - 1];
      if (LENGTH(known) == size &&
          std::memcmp(CHAR(known), text, static_cast<std::size_t>(size)) == 0) {
        found++;
        return known;
      }
    }
    if (place == together) place = hash >> 20 & (together - 1);
    set[place] = static_cast<std::uint32_t>(mark | static_cast<std::uint64_t>(i + 1));
    return make(text, size);
  }
};

// Whether each text comes after the one before it, byte by byte.
bool all_ascend(const TextChunk& text) {
  std::int64_t size_before = 0;
  const char* before = nullptr;
  for (std::int64_t i = 0; i < text.length; i++) {
    std::int64_t size;
    const char* bytes = text.get(i, &size);
    if (before != nullptr) {
      const std::int64_t both = size < size_before ? size : size_before;
      const int order = std::memcmp(before, bytes, static_cast<std::size_t>(both));
      if (order > 0 || (order == 0 && size_before >= size)) return false;
    }
    before = bytes;
    size_before = size;
  }
  return true;
}

}  // namespace

const char* TextChunk::get(std::int64_t i, std::int64_t* size) const {
  if (layout == Layout::views) return viewed(array, at + i, size);
  const char* bytes = static_cast<const char*>(array->buffers[2]);
  std::int64_t start, end;
  if (layout == Layout::offsets32) {
    start = load<std::int32_t>(array->buffers[1], at + i);
    end = load<std::int32_t>(array->buffers[1], at + i + 1);
  } else {
    start = load<std::int64_t>(array->buffers[1], at + i);
    end = load<std::int64_t>(array->buffers[1], at + i + 1);
  }
  *size = end - start;
  return end > start ? bytes + start : "";
}

TextChunk* check_text(const Column& column, Source from) {
  const TextChunk::Layout layout = layout_of(column.schema->format);
  const bool views = layout == TextChunk::Layout::views;
  if (!(views ? check_views(column, from) : check_buffers(column, 3, from))) return nullptr;
  TextChunk* texts = reinterpret_cast<TextChunk*>(
      R_alloc(static_cast<std::size_t>(column.n_chunks) + 1, sizeof(TextChunk)));
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    const Chunk& chunk = column.chunks[c];
    texts[c] = {layout, chunk.array, chunk.at, chunk.length, validity(chunk)};
    if (chunk.length == 0) continue;
    const bool good = views ? check_each(texts[c], done, from)
                      : layout == TextChunk::Layout::offsets32
                          ? check_offsets<std::int32_t>(texts[c], done, from)
                          : check_offsets<std::int64_t>(texts[c], done, from);
    if (!good) return nullptr;
    done += chunk.length;
  }
  return texts;
}

// Sorted ones need no table; that of the others has the position of each, counted from 1.
bool all_distinct(const TextChunk& text) {
  for (std::int64_t i = 0; i < text.length; i++) {
    if (!text.present(i)) return false;
  }
  if (text.length >= INT32_MAX || all_ascend(text)) return text.length < INT32_MAX;
  std::size_t places = 64;
  while (places < static_cast<std::size_t>(text.length) * 5 / 4) places *= 2;
  const void* mark = vmaxget();
  auto* table = reinterpret_cast<std::uint32_t*>(R_alloc(places, sizeof(std::uint32_t)));
  std::memset(table, 0, places * sizeof(std::uint32_t));
  bool distinct = true;
  std::int64_t steps = 0;
  for (std::int64_t i = 0; i < text.length && distinct; i++) {
    std::int64_t size;
    const char* bytes = text.get(i, &size);
    std::size_t place = hash_of(bytes, size) & (places - 1);
    for (; table[place] != 0; place = (place + 1) & (places - 1)) {
      if ((++steps & 0xffff) == 0) R_CheckUserInterrupt();
      std::int64_t known_size;
      const char* known = text.get(table[place] - 1, &known_size);
      if (known_size == size && std::memcmp(known, bytes, static_cast<std::size_t>(size)) == 0) {
        distinct = false;
        break;
      }
    }
    table[place] = static_cast<std::uint32_t>(i + 1);
  }
  vmaxset(mark);
  return distinct;
}

SEXP make_string(const TextChunk& text, std::int64_t i) {
  if (!text.present(i)) return NA_STRING;
  std::int64_t size;
  const char* bytes = text.get(i, &size);
  return make(bytes, size);
}

void fill_strings(const TextChunk& text, SEXP out, std::int64_t from, bool interruptible) {
  const void* mark = vmaxget();
  Recent recent(text.length);
  const SEXP* made = STRING_PTR_RO(out) + from;
  for (std::int64_t i = 0; i < text.length; i++) {
    if (interruptible && (i & 0xffff) == 0xffff) R_CheckUserInterrupt();
    if (!text.present(i)) {
      SET_STRING_ELT(out, from + i, NA_STRING);
      continue;
    }
    std::int64_t size;
    const char* bytes = text.get(i, &size);
    SET_STRING_ELT(out, from + i, recent.get(bytes, size, i, made));
  }
  vmaxset(mark);
}

}  // namespace tandemlab
