// From R vectors to Arrow arrays. R/frames-export.R decides what becomes what and hands over a
// plan, a tree of nodes; here are only bytes. Everything is allocated by malloc and hangs from the
// external pointer of the stream as soon as it exists, so that an R error leaks nothing. No object
// with a destructor lives here.

#include <R.h>
#include <R_ext/Utils.h>
#include <sys/mman.h>

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arrow_entry.h"
#include "arrow_keep.h"
#include "arrow_rounding.h"
#include "arrow_stream.h"
#include "arrow_strings.h"
#include "utf8.h"

namespace tandemlab {
namespace {

// A node of the plan; R/frames-export.R makes these lists.
enum Part { KIND, NAME, DATA, METADATA, CHILDREN, ROWS, EXTRA, n_parts };

// Schemas -----------------------------------------------------------------------------------------

struct SchemaOwner {
  char* format;
  char* name;
  char* metadata;
  std::size_t metadata_size;
};

void release_schema(ArrowSchema* schema) {
  SchemaOwner* owner = static_cast<SchemaOwner*>(schema->private_data);
  for (std::int64_t i = 0; i < schema->n_children; i++) {
    ArrowSchema* child = schema->children[i];
    if (child == nullptr) continue;
    if (child->release != nullptr) child->release(child);
    std::free(child);
  }
  std::free(schema->children);
  if (schema->dictionary != nullptr) {
    if (schema->dictionary->release != nullptr) schema->dictionary->release(schema->dictionary);
    std::free(schema->dictionary);
  }
  std::free(owner->format);
  std::free(owner->name);
  std::free(owner->metadata);
  std::free(owner);
  schema->release = nullptr;
}

char* copy_bytes(const char* bytes, std::size_t size) {
  char* copy = static_cast<char*>(std::malloc(size > 0 ? size : 1));
  if (copy != nullptr) std::memcpy(copy, bytes, size);
  return copy;
}

char* copy_text(const char* text) { return copy_bytes(text, std::strlen(text) + 1); }

bool set_text(char** owned, const char** shown, const char* text) {
  std::free(*owned);
  *owned = copy_text(text);
  *shown = *owned;
  return *owned != nullptr;
}

// A schema without children. `out` holds nothing yet; afterwards it can be released.
bool begin_schema(ArrowSchema* out, const char* format, const char* name, std::int64_t flags) {
  std::memset(out, 0, sizeof *out);
  SchemaOwner* owner = static_cast<SchemaOwner*>(std::calloc(1, sizeof(SchemaOwner)));
  if (owner == nullptr) return false;
  out->private_data = owner;
  out->release = release_schema;
  out->flags = flags;
  return set_text(&owner->format, &out->format, format) &&
         set_text(&owner->name, &out->name, name);
}

bool set_format(ArrowSchema* schema, const char* format) {
  return set_text(&static_cast<SchemaOwner*>(schema->private_data)->format, &schema->format,
                  format);
}

bool set_metadata(ArrowSchema* schema, const char* bytes, std::size_t size) {
  SchemaOwner* owner = static_cast<SchemaOwner*>(schema->private_data);
  owner->metadata = copy_bytes(bytes, size);
  owner->metadata_size = size;
  schema->metadata = owner->metadata;
  return owner->metadata != nullptr;
}

struct Entry {
  const char* key;
  const char* value;
};

// A text after its length; where the next thing begins.
char* put_sized(char* at, const char* text) {
  const std::int32_t length = static_cast<std::int32_t>(std::strlen(text));
  std::memcpy(at, &length, 4);
  std::memcpy(at + 4, text, static_cast<std::size_t>(length));
  return at + 4 + length;
}

// The metadata of the interface: how many entries, and each key and value after its length.
bool set_entries(ArrowSchema* schema, const Entry* entries, std::int32_t count) {
  std::size_t size = 4;
  for (std::int32_t i = 0; i < count; i++) {
    const std::size_t key = std::strlen(entries[i].key), value = std::strlen(entries[i].value);
    if (value > INT32_MAX) return false;
    size += 8 + key + value;
  }
  char* bytes = static_cast<char*>(std::malloc(size));
  if (bytes == nullptr) return false;
  std::memcpy(bytes, &count, 4);
  char* at = bytes + 4;
  for (std::int32_t i = 0; i < count; i++) {
    at = put_sized(put_sized(at, entries[i].key), entries[i].value);
  }
  const bool done = set_metadata(schema, bytes, size);
  std::free(bytes);
  return done;
}

bool add_schema_children(ArrowSchema* schema, std::int64_t count) {
  const std::size_t room = static_cast<std::size_t>(count > 0 ? count : 1);
  schema->children = static_cast<ArrowSchema**>(std::calloc(room, sizeof(ArrowSchema*)));
  if (schema->children == nullptr) return false;
  schema->n_children = count;
  for (std::int64_t i = 0; i < count; i++) {
    schema->children[i] = static_cast<ArrowSchema*>(std::calloc(1, sizeof(ArrowSchema)));
    if (schema->children[i] == nullptr) return false;
  }
  return true;
}

bool copy_schema(const ArrowSchema* from, ArrowSchema* to) {
  const SchemaOwner* owner = static_cast<const SchemaOwner*>(from->private_data);
  if (!begin_schema(to, from->format, from->name, from->flags)) return false;
  if (owner->metadata != nullptr && !set_metadata(to, owner->metadata, owner->metadata_size)) {
    return false;
  }
  if (from->n_children > 0 && !add_schema_children(to, from->n_children)) return false;
  for (std::int64_t i = 0; i < from->n_children; i++) {
    if (!copy_schema(from->children[i], to->children[i])) return false;
  }
  if (from->dictionary == nullptr) return true;
  to->dictionary = static_cast<ArrowSchema*>(std::calloc(1, sizeof(ArrowSchema)));
  return to->dictionary != nullptr && copy_schema(from->dictionary, to->dictionary);
}

// Arrays ------------------------------------------------------------------------------------------

struct ArrayOwner {
  const void* buffers[3];
  void* owned[3];
  Keep* kept;
};

// Any thread: frees what malloc gave, and queues the R object.
void release_array(ArrowArray* array) {
  ArrayOwner* owner = static_cast<ArrayOwner*>(array->private_data);
  for (std::int64_t i = 0; i < array->n_children; i++) {
    ArrowArray* child = array->children[i];
    if (child == nullptr) continue;
    if (child->release != nullptr) child->release(child);
    std::free(child);
  }
  std::free(array->children);
  if (array->dictionary != nullptr) {
    if (array->dictionary->release != nullptr) array->dictionary->release(array->dictionary);
    std::free(array->dictionary);
  }
  for (void* buffer : owner->owned) std::free(buffer);
  if (owner->kept != nullptr) give_back(owner->kept);
  std::free(owner);
  array->release = nullptr;
}

bool begin_array(ArrowArray* out, std::int64_t length, std::int64_t n_buffers) {
  std::memset(out, 0, sizeof *out);
  ArrayOwner* owner = static_cast<ArrayOwner*>(std::calloc(1, sizeof(ArrayOwner)));
  if (owner == nullptr) return false;
  out->private_data = owner;
  out->release = release_array;
  out->buffers = owner->buffers;
  out->n_buffers = n_buffers;
  out->length = length;
  return true;
}

ArrayOwner* owner_of(ArrowArray* array) { return static_cast<ArrayOwner*>(array->private_data); }

// Memory aligned to 64 as Arrow recommends, to be freed. Much of it comes in huge pages where the
// system has them: getting it in small ones takes longer than filling it.
void* new_memory(std::size_t size) {
  constexpr std::size_t huge = std::size_t{1} << 21;
  const bool much = size >= 2 * huge;
  void* bytes = nullptr;
  if (posix_memalign(&bytes, much ? huge : 64, size) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (much) madvise(bytes, size, MADV_HUGEPAGE);
#endif
  return bytes;
}

// Room for `size` bytes as buffer `which`; padding is zero.
void* new_buffer(ArrowArray* array, int which, std::size_t size) {
  const std::size_t room = (size / 64 + 1) * 64;
  void* bytes = new_memory(room);
  if (bytes == nullptr) return nullptr;
  std::memset(static_cast<char*>(bytes) + room - 64, 0, 64);
  ArrayOwner* owner = owner_of(array);
  std::free(owner->owned[which]);
  owner->owned[which] = bytes;
  owner->buffers[which] = bytes;
  return bytes;
}

// The memory of `x` itself as the values. R must not change it in place.
bool share(ArrowArray* array, SEXP x, const void* values) {
  ArrayOwner* owner = owner_of(array);
  owner->kept = keep(x);
  owner->buffers[1] = values;
  return owner->kept != nullptr;
}

bool add_array_children(ArrowArray* array, std::int64_t count) {
  const std::size_t room = static_cast<std::size_t>(count > 0 ? count : 1);
  array->children = static_cast<ArrowArray**>(std::calloc(room, sizeof(ArrowArray*)));
  if (array->children == nullptr) return false;
  array->n_children = count;
  for (std::int64_t i = 0; i < count; i++) {
    array->children[i] = static_cast<ArrowArray*>(std::calloc(1, sizeof(ArrowArray)));
    if (array->children[i] == nullptr) return false;
  }
  return true;
}

// 64 truths as bits: first as bytes, which compilers do many at a time, then 8 bytes by one
// multiplication that moves the lowest bit of each into the highest byte.
template <class Truth>
std::uint64_t pack(std::int64_t from, std::int64_t count, Truth truth) {
  unsigned char flags[64] = {};
  if (count == 64) {
    for (int j = 0; j < 64; j++) flags[j] = truth(from + j);
  } else {
    for (std::int64_t j = 0; j < count; j++) flags[j] = truth(from + j);
  }
  std::uint64_t word = 0;
  for (int k = 0; k < 8; k++) {
    std::uint64_t eight = 0;
    for (int j = 0; j < 8; j++) eight |= static_cast<std::uint64_t>(flags[8 * k + j]) << (8 * j);
    word |= (eight * 0x0102040810204080u >> 56) << (8 * k);
  }
  return word;
}

// Whether any of at most 64 truths holds. Compilers do a fixed number of them many at a time.
template <class Truth>
bool any_of(std::int64_t from, std::int64_t count, Truth truth) {
  int any = 0;
  if (count == 64) {
    for (int j = 0; j < 64; j++) any |= truth(from + j);
  } else {
    for (std::int64_t j = 0; j < count; j++) any |= truth(from + j);
  }
  return any != 0;
}

// The bitmap of what is there, made only when something is missing; nothing is before `first`.
template <class Missing>
bool put_validity(ArrowArray* array, std::int64_t length, Missing missing, std::int64_t first = 0) {
  std::uint64_t* words = nullptr;
  const std::int64_t n_words = (length + 63) / 64;
  for (std::int64_t w = first / 64; w < n_words; w++) {
    if ((w & 0x3fff) == 0x3fff) R_CheckUserInterrupt();
    const std::int64_t from = w * 64, size = length - from < 64 ? length - from : 64;
    if (!any_of(from, size, missing)) continue;
    if (words == nullptr) {
      const std::size_t bytes = static_cast<std::size_t>(n_words) * 8;
      words = static_cast<std::uint64_t*>(new_buffer(array, 0, bytes));
      if (words == nullptr) return false;
      std::memset(words, 0xff, bytes);
    }
    const std::uint64_t gone = pack(from, size, missing);
    words[w] = ~gone;
    array->null_count += __builtin_popcountll(gone);
  }
  return true;
}

std::uint64_t bits_of(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, 8);
  return bits;
}

// R's NA: a NaN whose lower word is 1954. Other NaN are values.
bool is_na(double value) {
  return (bits_of(value) & 0x7ff00000ffffffff) == 0x7ff00000000007a2;
}

// Before which position no value is NA, as a multiple of 64: comparing halves with 1954 is quicker
// than testing for NA, and hardly any other double has a half that is.
std::int64_t before_any_na(const double* values, std::int64_t n) {
  constexpr std::int64_t together = 64;
  std::int64_t i = 0;
  for (; i + together <= n; i += together) {
    std::uint32_t halves[2 * together];
    std::memcpy(halves, values + i, sizeof halves);
    std::uint32_t any = 0;
    for (std::uint32_t half : halves) any |= half == 1954 ? 1u : 0u;
    if (any != 0) break;
    if ((i & 0xfffff) == 0) R_CheckUserInterrupt();
  }
  return i;
}

// Columns -----------------------------------------------------------------------------------------

struct Target {
  ArrowSchema* schema;
  ArrowArray* array;
  Report* report;
  bool utf8_session;

  bool begin(const char* format, const char* name, std::int64_t length, std::int64_t n_buffers) {
    if (begin_schema(schema, format, name, ARROW_FLAG_NULLABLE) &&
        begin_array(array, length, n_buffers)) {
      return true;
    }
    return out_of_memory();
  }

  bool out_of_memory() { return report->problem("memory"); }
};

bool export_node(SEXP node, Target target);

SEXP part(SEXP node, Part which) { return VECTOR_ELT(node, which); }

bool put_truths(const int* values, Target out) {
  const std::int64_t n = out.array->length;
  const std::int64_t n_words = (n + 63) / 64;
  const std::size_t size = static_cast<std::size_t>(n_words) * 8;
  std::uint64_t* bits = static_cast<std::uint64_t*>(new_buffer(out.array, 1, size));
  if (bits == nullptr) return out.out_of_memory();
  for (std::int64_t w = 0; w < n_words; w++) {
    const std::int64_t from = w * 64, count = n - from < 64 ? n - from : 64;
    bits[w] = pack(from, count, [=](std::int64_t i) {
      return values[i] != 0 && values[i] != NA_LOGICAL;
    });
  }
  return true;
}

// The extension type arrow.bool8: a byte for each, as numpy has them.
bool put_truth_bytes(const int* values, Target out) {
  const std::int64_t n = out.array->length;
  char* bytes = static_cast<char*>(new_buffer(out.array, 1, static_cast<std::size_t>(n)));
  if (bytes == nullptr || !set_format(out.schema, "c")) return out.out_of_memory();
  each_of(0, n, [&](std::int64_t i) { bytes[i] = values[i] != 0 && values[i] != NA_LOGICAL; });
  return true;
}

bool put_logical(SEXP x, bool as_bytes, Target out) {
  const int* values = LOGICAL_RO(x);
  const auto missing = [=](std::int64_t i) { return values[i] == NA_LOGICAL; };
  if (!put_validity(out.array, out.array->length, missing)) return out.out_of_memory();
  return as_bytes ? put_truth_bytes(values, out) : put_truths(values, out);
}

bool put_values(SEXP x, const void* values, std::size_t width, bool shared, Target out) {
  // An empty vector has no address to share.
  if (shared && out.array->length > 0) return share(out.array, x, values) || out.out_of_memory();
  const std::size_t size = static_cast<std::size_t>(out.array->length) * width;
  void* copy = new_buffer(out.array, 1, size);
  if (copy == nullptr) return out.out_of_memory();
  if (size > 0) std::memcpy(copy, values, size);
  return true;
}

bool put_integer(SEXP x, bool shared, Target out) {
  const int* values = INTEGER_RO(x);
  const auto missing = [=](std::int64_t i) { return values[i] == NA_INTEGER; };
  if (!put_validity(out.array, out.array->length, missing)) return out.out_of_memory();
  return put_values(x, values, 4, shared, out);
}

bool put_double(SEXP x, bool shared, Target out) {
  const double* values = REAL_RO(x);
  const auto missing = [=](std::int64_t i) { return is_na(values[i]); };
  const std::int64_t n = out.array->length, first = before_any_na(values, n);
  if (!put_validity(out.array, n, missing, first)) return out.out_of_memory();
  return put_values(x, values, 8, shared, out);
}

bool put_integer64(SEXP x, bool shared, Target out) {
  const double* values = REAL_RO(x);
  const auto missing = [=](std::int64_t i) { return bits_of(values[i]) == 0x8000000000000000; };
  if (!put_validity(out.array, out.array->length, missing)) return out.out_of_memory();
  return put_values(x, values, 8, shared, out);
}

template <class Code>
bool put_codes_of(const int* values, int n_levels, Target out) {
  const std::int64_t n = out.array->length;
  const std::size_t size = static_cast<std::size_t>(n) * sizeof(Code);
  Code* codes = static_cast<Code*>(new_buffer(out.array, 1, size));
  if (codes == nullptr) return out.out_of_memory();
  bool outside = false;
  each_of(0, n, [&](std::int64_t i) {
    const int value = values[i];
    outside |= value != NA_INTEGER && (value < 1 || value > n_levels);
    codes[i] = static_cast<Code>(value == NA_INTEGER ? 0u : static_cast<unsigned>(value) - 1u);
  });
  return !outside || out.report->problem("codes");
}

// EXTRA: whether it is ordered, and whether codes are in as few bytes as pandas takes for them.
bool put_codes(SEXP node, Target out) {
  SEXP x = part(node, DATA), levels = VECTOR_ELT(part(node, CHILDREN), 0);
  const int* values = INTEGER_RO(x);
  const int* extra = LOGICAL_RO(part(node, EXTRA));
  const int n_levels = Rf_length(part(levels, DATA));
  const auto missing = [=](std::int64_t i) { return values[i] == NA_INTEGER; };
  if (!put_validity(out.array, out.array->length, missing)) return out.out_of_memory();
  if (extra[1] == TRUE && n_levels < INT8_MAX) {
    if (!set_format(out.schema, "c")) return out.out_of_memory();
    if (!put_codes_of<std::int8_t>(values, n_levels, out)) return false;
  } else if (extra[1] == TRUE && n_levels < INT16_MAX) {
    if (!set_format(out.schema, "s")) return out.out_of_memory();
    if (!put_codes_of<std::int16_t>(values, n_levels, out)) return false;
  } else if (!put_codes_of<std::int32_t>(values, n_levels, out)) {
    return false;
  }
  if (extra[0] == TRUE) out.schema->flags |= ARROW_FLAG_DICTIONARY_ORDERED;
  out.schema->dictionary = static_cast<ArrowSchema*>(std::calloc(1, sizeof(ArrowSchema)));
  out.array->dictionary = static_cast<ArrowArray*>(std::calloc(1, sizeof(ArrowArray)));
  if (out.schema->dictionary == nullptr || out.array->dictionary == nullptr) {
    return out.out_of_memory();
  }
  Target inner = out;
  inner.schema = out.schema->dictionary;
  inner.array = out.array->dictionary;
  if (!export_node(levels, inner)) return false;
  const auto layout = std::strcmp(inner.schema->format, "u") == 0 ? TextChunk::Layout::offsets32
                                                                  : TextChunk::Layout::offsets64;
  const TextChunk text = {layout, inner.array, 0, inner.array->length, nullptr};
  return all_distinct(text) || out.report->problem("levels");
}

// Text --------------------------------------------------------------------------------------------

struct Bytes {
  ArrowArray* array;
  char* data;
  std::int64_t size;
  std::int64_t room;

  bool begin(std::int64_t wanted) {
    hold(static_cast<char*>(new_memory(static_cast<std::size_t>(wanted))), wanted);
    return data != nullptr;
  }

  bool reserve(std::int64_t more) {
    if (room - size >= more) return true;
    std::int64_t wanted = room;
    while (wanted - size < more) wanted *= 2;
    char* grown = static_cast<char*>(new_memory(static_cast<std::size_t>(wanted)));
    if (grown == nullptr) return false;
    std::memcpy(grown, data, static_cast<std::size_t>(size));
    std::free(data);
    hold(grown, wanted);
    return true;
  }

  void hold(char* bytes, std::int64_t there) {
    data = bytes;
    room = there;
    owner_of(array)->owned[2] = data;
    owner_of(array)->buffers[2] = data;
  }
};

// About the bytes of all strings, by some of them; a long one says little of the others. What is
// not used costs nothing.
std::int64_t guess_bytes(const SEXP* strings, std::int64_t n) {
  constexpr std::int64_t asked = 256, usual = 256;
  const std::int64_t step = n / asked + 1;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; i += step) {
    const std::int64_t size = LENGTH(strings[i]);
    total += size < usual ? size : usual;
  }
  return total * step + total * step / 4 + 64;
}

// R keeps the bytes of a string in whole words of 8, so that reading up to the end of the last one
// is reading R's own memory; short strings are copied without a call.
void copy_words(char* to, const char* from, std::int64_t size) {
  for (std::int64_t i = 0; i < size; i += 8) std::memcpy(to + i, from + i, 8);
}

constexpr std::int64_t ahead = 16;  // strings to fetch while one is copied: they lie anywhere

void prefetch(SEXP string) {
  const char* memory = reinterpret_cast<const char*>(string);
  __builtin_prefetch(memory);
  __builtin_prefetch(memory + 64);
}

// A short string that came lately and needs no translation. Asking R for its length, encoding and
// text takes longer than copying it.
struct Seen {
  SEXP string;
  const char* text;
  std::int64_t size;
};

// R writes what it cannot translate as <e7>, so that the translation has more of these.
std::int64_t count_of(char wanted, const char* text) {
  std::int64_t count = 0;
  for (; *text != '\0'; text++) count += *text == wanted;
  return count;
}

// Where the strings leave what `Offset` can count, the problem is "offsets".
template <class Offset>
bool put_strings(SEXP x, Target out) {
  const std::int64_t n = out.array->length;
  const SEXP* strings = STRING_PTR_RO(x);
  const std::size_t width = sizeof(Offset);
  Offset* offsets =
      static_cast<Offset*>(new_buffer(out.array, 1, (static_cast<std::size_t>(n) + 1) * width));
  Bytes bytes = {out.array, nullptr, 0, 0};
  if (offsets == nullptr || !bytes.begin(guess_bytes(strings, n))) return out.out_of_memory();
  bool any_missing = false, ascii = true;
  constexpr std::size_t n_lately = 512;
  Seen lately[n_lately] = {};
  bool lasting = true;  // what was seen: a translation allocates, and a finalizer may change `x`
  for (std::int64_t i = 0; i < n; i++) {
    if ((i & 0xfffff) == 0xfffff) R_CheckUserInterrupt();
    if (i + ahead < n) prefetch(strings[i + ahead]);
    offsets[i] = static_cast<Offset>(bytes.size);
    SEXP string = strings[i];
    Seen& seen = lately[(reinterpret_cast<std::uintptr_t>(string) >> 5) % n_lately];
    if (lasting && seen.string == string) {
      if (!bytes.reserve(seen.size + 8)) return out.out_of_memory();
      copy_words(bytes.data + bytes.size, seen.text, seen.size);
      bytes.size += seen.size;
      if (width == 4 && bytes.size > INT32_MAX) return out.report->problem("offsets");
      continue;
    }
    if (string == NA_STRING) {
      any_missing = true;
      continue;
    }
    const char* text = CHAR(string);
    std::int64_t size = LENGTH(string);
    const cetype_t encoding = Rf_getCharCE(string);
    const bool translated =
        encoding == CE_LATIN1 || (encoding == CE_NATIVE && !out.utf8_session);
    const void* mark = nullptr;
    if (encoding == CE_BYTES) {
      return out.report->problem("bytes", static_cast<double>(i + 1));
    }
    if (translated) {
      mark = vmaxget();
      lasting = false;
      const std::int64_t before = count_of('<', text);
      text = Rf_translateCharUTF8(string);
      size = static_cast<std::int64_t>(std::strlen(text));
      if (count_of('<', text) != before) {
        return out.report->problem("encoding", static_cast<double>(i + 1));
      }
    }
    ascii &= is_ascii(text, size);
    if (!bytes.reserve(size + 8)) return out.out_of_memory();
    if (translated || size > 64) {
      std::memcpy(bytes.data + bytes.size, text, static_cast<std::size_t>(size));
    } else {
      copy_words(bytes.data + bytes.size, text, size);
      seen = {string, text, size};
    }
    if (translated) vmaxset(mark);
    bytes.size += size;
    if (width == 4 && bytes.size > INT32_MAX) return out.report->problem("offsets");
  }
  offsets[n] = static_cast<Offset>(bytes.size);
  if (!ascii) {
    for (std::int64_t i = 0; i < n; i++) {
      if (!is_utf8(bytes.data + offsets[i], offsets[i + 1] - offsets[i])) {
        return out.report->problem("encoding", static_cast<double>(i + 1));
      }
    }
  }
  if (bytes.room - bytes.size > 4096) {
    const std::size_t size = static_cast<std::size_t>(bytes.size) + 64;
    char* shrunk = static_cast<char*>(std::realloc(bytes.data, size));
    if (shrunk != nullptr) bytes.hold(shrunk, static_cast<std::int64_t>(size));
  }
  const auto missing = [=](std::int64_t i) { return strings[i] == NA_STRING; };
  return !any_missing || put_validity(out.array, n, missing) || out.out_of_memory();
}

bool put_text(SEXP x, bool wide, Target out) {
  if (!wide) {
    if (put_strings<std::int32_t>(x, out)) return true;
    if (std::strcmp(out.report->reason, "offsets") != 0) return false;
    out.report->reason = nullptr;
    ArrayOwner* owner = owner_of(out.array);
    std::free(owner->owned[2]);
    owner->owned[2] = nullptr;
  }
  if (!set_format(out.schema, "U")) return out.out_of_memory();
  return put_strings<std::int64_t>(x, out);
}

// Dates and times ---------------------------------------------------------------------------------

bool put_date(SEXP x, Target out) {
  const double* values = REAL_RO(x);
  const std::int64_t n = out.array->length;
  const auto missing = [=](std::int64_t i) { return std::isnan(values[i]); };
  if (!put_validity(out.array, n, missing)) return out.out_of_memory();
  int* days = static_cast<int*>(new_buffer(out.array, 1, static_cast<std::size_t>(n) * 4));
  if (days == nullptr) return out.out_of_memory();
  std::int64_t fraction = -1, nan = -1;
  for (std::int64_t i = 0; i < n; i++) {
    const double value = values[i];
    if (std::isnan(value)) {
      days[i] = 0;
      if (nan < 0 && !is_na(value)) nan = i;
      continue;
    }
    const bool far = !(std::fabs(value) < 2147483648.0);
    const std::int64_t whole = far ? 0 : static_cast<std::int64_t>(value);
    const std::int64_t day = whole - (static_cast<double>(whole) > value);
    if (far || day < -INT32_MAX) {
      return out.report->problem("date_range", static_cast<double>(i + 1));
    }
    days[i] = static_cast<int>(day);
    if (static_cast<double>(day) != value && fraction < 0) fraction = i;
  }
  if (fraction >= 0) out.report->notice("date_fraction", static_cast<double>(fraction + 1));
  if (nan >= 0) out.report->notice("not_a_number", static_cast<double>(nan + 1));
  return true;
}

// The first row whose time is not exactly a whole number of microseconds, or -1.
template <class Encode>
std::int64_t put_times(const double* values, std::int64_t n, std::int64_t* times, Encode encode) {
  std::int64_t inexact = -1;
  for (std::int64_t i = 0; i < n; i++) {
    if (!std::isfinite(values[i])) {
      times[i] = 0;
    } else if (!encode(values[i], &times[i]) && inexact < 0) {
      inexact = i;
    }
  }
  return inexact;
}

// Whole units of a time, and whether dividing again gives the same double.
struct Units {
  double per_value;  // units in 1 of R's
  bool operator()(double value, std::int64_t* units) const {
    const double whole = nearest(value * per_value);
    if (!(std::fabs(whole) < 9.2e18)) return false;
    *units = static_cast<std::int64_t>(whole);
    return whole / per_value == value;
  }
};

// Nanoseconds since 1970. One multiplication would round to 256 ns today, so second and fraction
// go separate ways.
struct Nanoseconds {
  bool operator()(double value, std::int64_t* units) const {
    const double second = std::floor(value);
    if (!(std::fabs(second) < 9.2e9)) return false;
    const double fraction = nearest((value - second) * 1e9);
    *units = static_cast<std::int64_t>(second) * 1000000000 + static_cast<std::int64_t>(fraction);
    constexpr std::int64_t exact = INT64_C(1) << 53;
    if (*units >= -exact && *units <= exact) return static_cast<double>(*units) / 1e9 == value;
    return second + fraction / 1e9 == value;
  }
};

enum class Clock { instant, duration, time_of_day };

// Microseconds; nanoseconds where some value is not a whole number of microseconds. `unit` is the
// character of the format that says which.
bool put_time(SEXP x, Clock clock, double scale, std::size_t unit, Target out) {
  const double* values = REAL_RO(x);
  const std::int64_t n = out.array->length;
  const auto missing = [=](std::int64_t i) { return std::isnan(values[i]); };
  if (!put_validity(out.array, n, missing)) return out.out_of_memory();
  const double largest = clock == Clock::time_of_day ? 86400 : 9.2e12 / scale;
  bool fits_nanoseconds = true;
  std::int64_t nan = -1;
  for (std::int64_t i = 0; i < n; i++) {
    const double value = values[i];
    if (std::isnan(value)) {
      if (nan < 0 && !is_na(value)) nan = i;
      continue;
    }
    if (!(std::fabs(value) < largest) || (clock == Clock::time_of_day && value < 0)) {
      return out.report->problem("time_range", static_cast<double>(i + 1));
    }
    fits_nanoseconds &= std::fabs(value) * scale < 9.2e9;
  }
  std::int64_t* times =
      static_cast<std::int64_t*>(new_buffer(out.array, 1, static_cast<std::size_t>(n) * 8));
  if (times == nullptr) return out.out_of_memory();
  if (nan >= 0) out.report->notice("not_a_number", static_cast<double>(nan + 1));
  std::int64_t inexact = put_times(values, n, times, Units{scale * 1e6});
  if (inexact >= 0 && fits_nanoseconds) {
    inexact = clock == Clock::instant ? put_times(values, n, times, Nanoseconds{})
                                      : put_times(values, n, times, Units{scale * 1e9});
    char format[256];
    const std::size_t size = std::strlen(out.schema->format);
    if (size >= sizeof format) return out.report->problem("zone");
    std::memcpy(format, out.schema->format, size + 1);
    format[unit] = 'n';
    if (!set_format(out.schema, format)) return out.out_of_memory();
  }
  if (inexact >= 0) {
    out.report->notice(fits_nanoseconds ? "nanoseconds" : "microseconds",
                       static_cast<double>(inexact + 1));
  }
  return true;
}

// Lists -------------------------------------------------------------------------------------------

// DATA are the sizes of the elements, NA for NULL; the child holds the elements one after another.
template <class Offset>
bool put_offsets(const int* sizes, Target out) {
  const std::int64_t n = out.array->length;
  const std::size_t size = (static_cast<std::size_t>(n) + 1) * sizeof(Offset);
  Offset* offsets = static_cast<Offset*>(new_buffer(out.array, 1, size));
  if (offsets == nullptr) return out.out_of_memory();
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < n; i++) {
    offsets[i] = static_cast<Offset>(at);
    if (sizes[i] != NA_INTEGER) at += sizes[i];
  }
  offsets[n] = static_cast<Offset>(at);
  return true;
}

bool put_list(SEXP node, Target out) {
  const int* sizes = INTEGER_RO(part(node, DATA));
  const std::int64_t n = out.array->length;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; i++) total += sizes[i] == NA_INTEGER ? 0 : sizes[i];
  const auto missing = [=](std::int64_t i) { return sizes[i] == NA_INTEGER; };
  if (!put_validity(out.array, n, missing)) return out.out_of_memory();
  if (total > INT32_MAX) {
    if (!set_format(out.schema, "+L")) return out.out_of_memory();
    return put_offsets<std::int64_t>(sizes, out);
  }
  return put_offsets<std::int32_t>(sizes, out);
}

bool put_binary(SEXP x, Target out) {
  const std::int64_t n = out.array->length;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; i++) total += Rf_xlength(VECTOR_ELT(x, i));
  const bool large = total > INT32_MAX;
  if (large && !set_format(out.schema, "Z")) return out.out_of_memory();
  const auto missing = [=](std::int64_t i) { return VECTOR_ELT(x, i) == R_NilValue; };
  if (!put_validity(out.array, n, missing)) return out.out_of_memory();
  const std::size_t width = large ? 8 : 4;
  char* offsets =
      static_cast<char*>(new_buffer(out.array, 1, (static_cast<std::size_t>(n) + 1) * width));
  char* bytes = static_cast<char*>(new_buffer(out.array, 2, static_cast<std::size_t>(total)));
  if (offsets == nullptr || bytes == nullptr) return out.out_of_memory();
  std::int64_t at = 0;
  for (std::int64_t i = 0; i <= n; i++) {
    const std::int32_t narrow = static_cast<std::int32_t>(at);
    if (large) {
      std::memcpy(offsets + i * 8, &at, 8);
    } else {
      std::memcpy(offsets + i * 4, &narrow, 4);
    }
    if (i == n) break;
    SEXP element = VECTOR_ELT(x, i);
    const R_xlen_t size = Rf_xlength(element);
    if (size > 0) std::memcpy(bytes + at, RAW_RO(element), static_cast<std::size_t>(size));
    at += size;
  }
  return true;
}

bool put_children(SEXP node, Target out) {
  SEXP children = part(node, CHILDREN);
  const std::int64_t count = XLENGTH(children);
  if (!add_schema_children(out.schema, count) || !add_array_children(out.array, count)) {
    return out.out_of_memory();
  }
  for (std::int64_t i = 0; i < count; i++) {
    Target child = out;
    child.schema = out.schema->children[i];
    child.array = out.array->children[i];
    if (!export_node(VECTOR_ELT(children, i), child)) return false;
  }
  return true;
}

// Nodes -------------------------------------------------------------------------------------------

bool export_kind(const char* kind, const char* name, SEXP node, Target out) {
  SEXP x = part(node, DATA), extra = part(node, EXTRA);
  const std::int64_t n = static_cast<std::int64_t>(Rf_asReal(part(node, ROWS)));
  const bool asked = TYPEOF(extra) == LGLSXP && Rf_asLogical(extra) == TRUE;
  const auto is = [=](const char* wanted) { return std::strcmp(kind, wanted) == 0; };
  const auto holds = [=](unsigned type) {
    return static_cast<unsigned>(TYPEOF(x)) == type && XLENGTH(x) == n;
  };
  if (is("frame")) return out.begin("+s", name, n, 1) && put_children(node, out);
  if (is("logical") && holds(LGLSXP)) {
    return out.begin("b", name, n, 2) && put_logical(x, asked, out);
  }
  if (is("integer") && holds(INTSXP)) {
    return out.begin("i", name, n, 2) && put_integer(x, asked, out);
  }
  if (is("double") && holds(REALSXP)) {
    return out.begin("g", name, n, 2) && put_double(x, asked, out);
  }
  if (is("integer64") && holds(REALSXP)) {
    return out.begin("l", name, n, 2) && put_integer64(x, asked, out);
  }
  if (is("text") && holds(STRSXP)) {
    return out.begin("u", name, n, 3) && put_text(x, asked, out);
  }
  if (is("factor") && holds(INTSXP) && TYPEOF(extra) == LGLSXP && XLENGTH(extra) == 2) {
    return out.begin("i", name, n, 2) && put_codes(node, out);
  }
  if (is("raw") && holds(RAWSXP)) {
    return out.begin("C", name, n, 2) && put_values(x, RAW_RO(x), 1, false, out);
  }
  if (is("date") && holds(REALSXP)) return out.begin("tdD", name, n, 2) && put_date(x, out);
  if (is("timestamp") && holds(REALSXP)) {
    char format[256] = "tsu:";
    const char* zone = CHAR(STRING_ELT(extra, 0));
    if (std::strlen(zone) > 200) return out.report->problem("zone");
    std::strcat(format, zone);
    return out.begin(format, name, n, 2) && put_time(x, Clock::instant, 1, 2, out);
  }
  if (is("duration") && holds(REALSXP)) {
    return out.begin("tDu", name, n, 2) &&
           put_time(x, Clock::duration, Rf_asReal(extra), 2, out);
  }
  if (is("time") && holds(REALSXP)) {
    return out.begin("ttu", name, n, 2) && put_time(x, Clock::time_of_day, 1, 2, out);
  }
  if (is("list") && holds(INTSXP)) {
    return out.begin("+l", name, n, 2) && put_list(node, out) && put_children(node, out);
  }
  if (is("fixed")) {
    char format[32];
    snprintf(format, sizeof format, "+w:%d", Rf_asInteger(extra));
    return out.begin(format, name, n, 1) && put_children(node, out);
  }
  if (is("binary") && holds(VECSXP)) return out.begin("z", name, n, 3) && put_binary(x, out);
  if (is("null")) {
    if (!out.begin("n", name, n, 0)) return false;
    out.array->null_count = n;
    return true;
  }
  return out.report->problem("plan", 0, kind);
}

bool export_node(SEXP node, Target out) {
  const char* name = CHAR(STRING_ELT(part(node, NAME), 0));
  if (!out.report->enter(name)) return false;
  const char* kind = CHAR(STRING_ELT(part(node, KIND), 0));
  if (!export_kind(kind, name, node, out)) return false;
  Entry entries[2];
  std::int32_t count = 0;
  SEXP tag = part(node, METADATA);
  if (TYPEOF(tag) == STRSXP) entries[count++] = {"tandemlab:r", CHAR(STRING_ELT(tag, 0))};
  if (std::strcmp(kind, "logical") == 0 && std::strcmp(out.schema->format, "c") == 0) {
    entries[count++] = {"ARROW:extension:name", "arrow.bool8"};
  }
  if (count > 0 && !set_entries(out.schema, entries, count)) return out.out_of_memory();
  out.report->leave();
  return true;
}

// The stream: one batch. Any thread. ---------------------------------------------------------------

struct Frame {
  ArrowSchema schema;
  ArrowArray array;
};

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  const Frame* frame = static_cast<Frame*>(stream->private_data);
  if (copy_schema(&frame->schema, out)) return 0;
  if (out->release != nullptr) out->release(out);
  return ENOMEM;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  Frame* frame = static_cast<Frame*>(stream->private_data);
  *out = frame->array;
  std::memset(&frame->array, 0, sizeof frame->array);
  return 0;
}

const char* get_last_error(ArrowArrayStream*) { return "memory is exhausted"; }

void release_stream(ArrowArrayStream* stream) {
  Frame* frame = static_cast<Frame*>(stream->private_data);
  if (frame->schema.release != nullptr) frame->schema.release(&frame->schema);
  if (frame->array.release != nullptr) frame->array.release(&frame->array);
  std::free(frame);
  stream->release = nullptr;
}

}  // namespace

SEXP arrow_export(SEXP plan, SEXP utf8_session) {
  empty_queue();
  SEXP pointer = PROTECT(new_stream());
  SEXP notices = PROTECT(Rf_cons(R_NilValue, R_NilValue));
  Report report(notices);
  Frame* frame = static_cast<Frame*>(std::calloc(1, sizeof(Frame)));
  if (frame == nullptr) {
    report.problem("memory");
  } else {
    Stream* owned = stream_of(pointer);
    owned->stream = {get_schema, get_next, get_last_error, release_stream, frame};
    const bool utf8 = Rf_asLogical(utf8_session) == TRUE;
    if (export_node(plan, Target{&frame->schema, &frame->array, &report, utf8})) {
      frame->schema.flags = 0;
    }
  }
  SEXP answer = report.as_list(pointer);
  UNPROTECT(2);
  return answer;
}

}  // namespace tandemlab
