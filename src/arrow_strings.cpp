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

// Strings that came lately, by their bytes: R's own table of strings is global and slow.
struct Recent {
  struct Entry {
    const char* text;
    std::int64_t size;
    std::uint64_t hash;
    SEXP string;
  };
  static constexpr std::uint64_t n_entries = 4096;
  static constexpr std::int64_t few = 256;  // for fewer the table costs more than it saves
  Entry* entries = nullptr;
  std::int64_t asked = 0, found = 0;

  explicit Recent(std::int64_t expected) {
    if (expected <= few) return;
    entries = reinterpret_cast<Entry*>(R_alloc(n_entries, sizeof(Entry)));
    std::memset(entries, 0, n_entries * sizeof(Entry));
  }

  SEXP get(const char* text, std::int64_t size) {
    if (entries == nullptr) return make(text, size);
    if (asked >= 16384 && found < asked / 4) return make(text, size);
    std::uint64_t hash = static_cast<std::uint64_t>(size) * 0x9e3779b97f4a7c15;
    std::int64_t i = 0;
    for (; i + 8 <= size; i += 8) hash = mix(hash, load<std::uint64_t>(text + i, 0));
    std::uint64_t last = 0;
    if (i < size) std::memcpy(&last, text + i, static_cast<std::size_t>(size - i));
    hash = mix(hash, last);
    Entry& entry = entries[(hash >> 20) % n_entries];
    asked++;
    if (entry.string != nullptr && entry.hash == hash && entry.size == size &&
        std::memcmp(entry.text, text, static_cast<std::size_t>(size)) == 0) {
      found++;
      return entry.string;
    }
    entry = {text, size, hash, make(text, size)};
    return entry.string;
  }

 private:
  static std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
  }
};

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

SEXP make_string(const TextChunk& text, std::int64_t i) {
  if (!text.present(i)) return NA_STRING;
  std::int64_t size;
  const char* bytes = text.get(i, &size);
  return make(bytes, size);
}

void fill_strings(const TextChunk& text, SEXP out, std::int64_t from, bool interruptible) {
  const void* mark = vmaxget();
  Recent recent(text.length);
  for (std::int64_t i = 0; i < text.length; i++) {
    if (interruptible && (i & 0xffff) == 0xffff) R_CheckUserInterrupt();
    if (!text.present(i)) {
      SET_STRING_ELT(out, from + i, NA_STRING);
      continue;
    }
    std::int64_t size;
    const char* bytes = text.get(i, &size);
    SET_STRING_ELT(out, from + i, recent.get(bytes, size));
  }
  vmaxset(mark);
}

}  // namespace tandemlab
