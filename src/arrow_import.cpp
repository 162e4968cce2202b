// From Arrow arrays to R vectors. arrow_schema() shows R what is coming; R/frames-import.R answers
// with a plan, a tree of the same shape; arrow_import() follows it. Nothing that comes from outside
// is believed: lengths, offsets, counts and pointers are checked before use. What the interface
// does not tell is the size of a buffer; for that the producer must be trusted.
//
// What is allocated here belongs to R (vectors, R_alloc) or hangs from the stream's external
// pointer, so that an R error or an interrupt leaks nothing. No object with a destructor lives here.

#include <R.h>
#include <R_ext/Utils.h>

#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "arrow_chunk.h"
#include "arrow_entry.h"
#include "arrow_keep.h"
#include "arrow_lazy.h"
#include "arrow_stream.h"
#include "arrow_strings.h"
#include "arrow_text.h"

namespace tandemlab {
namespace {

// Schemas -----------------------------------------------------------------------------------------

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

// list(format, name, tag, extension, ordered, children, dictionary), or null and a problem.
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

// Trees of chunks ----------------------------------------------------------------------------------

// A child of every chunk of a struct.
bool child_of(const Column& parent, std::int64_t which, Column* child, Source from) {
  Chunk* chunks = reinterpret_cast<Chunk*>(
      R_alloc(static_cast<std::size_t>(parent.n_chunks) + 1, sizeof(Chunk)));
  for (std::int64_t c = 0; c < parent.n_chunks; c++) {
    const Chunk& chunk = parent.chunks[c];
    if (chunk.array->n_children != parent.schema->n_children) {
      return from.damaged("the number of columns is wrong");
    }
    ArrowArray* array = chunk.array->children[which];
    const char* why = refuse_array(array, chunk.at, chunk.length);
    if (why != nullptr) return from.damaged(why);
    chunks[c] = {array, array->offset + chunk.at, chunk.length};
  }
  *child = {parent.schema->children[which], chunks, parent.n_chunks, parent.length};
  return true;
}

// The elements of lists, list by list: `range` gives where those of a chunk start and how many
// there are; the child is the only one.
template <class Range>
bool elements_of(const Column& parent, Column* child, Source from, Range range) {
  if (parent.schema->n_children != 1) return from.damaged("a list needs one child");
  Chunk* chunks = reinterpret_cast<Chunk*>(
      R_alloc(static_cast<std::size_t>(parent.n_chunks) + 1, sizeof(Chunk)));
  std::int64_t total = 0;
  for (std::int64_t c = 0; c < parent.n_chunks; c++) {
    const Chunk& chunk = parent.chunks[c];
    std::int64_t start = 0, length = 0;
    if (chunk.array->n_children != 1) return from.damaged("a list needs one child");
    if (!range(chunk, &start, &length)) return from.damaged("its offsets are out of order");
    ArrowArray* array = chunk.array->children[0];
    const char* why = refuse_array(array, start, length);
    if (why != nullptr) return from.damaged(why);
    if (__builtin_add_overflow(total, length, &total)) return from.damaged("it is too long");
    chunks[c] = {array, array->offset + start, length};
  }
  *child = {parent.schema->children[0], chunks, parent.n_chunks, total};
  return true;
}

SEXP read_node(SEXP plan, const Column& column, Source from);

// Calls visit(chunk, position in the result) for every chunk.
template <class Visit>
void each_chunk(const Column& column, Visit visit) {
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    R_CheckUserInterrupt();
    visit(column.chunks[c], done);
    done += column.chunks[c].length;
  }
}

// Numbers -----------------------------------------------------------------------------------------

struct Half {
  std::uint16_t bits;
};

double value_of(Half half) {
  const int exponent = half.bits >> 10 & 31, mantissa = half.bits & 1023;
  double size = exponent == 0    ? std::ldexp(mantissa, -24)
                : exponent == 31 ? (mantissa == 0 ? R_PosInf : R_NaN)
                                 : std::ldexp(mantissa + 1024, exponent - 25);
  return half.bits & 0x8000 ? -size : size;
}

template <class T>
T value_of(T value) {
  return value;
}

// Each gives false where a value has no place in R's type.
struct ToInteger {
  using Result = int;
  static constexpr bool has_missing = true;
  static constexpr const char* refusal = "range";
  static int missing() { return NA_INTEGER; }
  template <class T>
  static bool put(T value, int* out) {
    *out = static_cast<int>(value);
    if (sizeof(T) < 4) return true;
    const bool not_below = !std::is_signed<T>::value || value > static_cast<T>(NA_INTEGER);
    return not_below && value <= static_cast<T>(INT32_MAX);
  }
  static bool put(double, int*) { return false; }
  static bool put(float, int*) { return false; }
};

struct ToDouble {
  using Result = double;
  static constexpr bool has_missing = true;
  static constexpr const char* refusal = "inexact";
  static double missing() { return NA_REAL; }
  template <class T>
  static bool put(T value, double* out) {
    *out = static_cast<double>(value);
    if (std::is_floating_point<T>::value || sizeof(T) < 8) return true;
    constexpr double exact = 9007199254740992.0;  // 2^53
    return *out >= -exact && *out <= exact && static_cast<T>(*out) == value;
  }
};

struct ToInteger64 {
  using Result = std::int64_t;
  static constexpr bool has_missing = true;
  static constexpr const char* refusal = "range";
  static std::int64_t missing() { return INT64_MIN; }
  template <class T>
  static bool put(T value, std::int64_t* out) {
    *out = static_cast<std::int64_t>(value);
    return std::is_signed<T>::value ? *out != INT64_MIN : *out >= 0;
  }
  static bool put(double, std::int64_t*) { return false; }
  static bool put(float, std::int64_t*) { return false; }
};

struct ToRaw {
  using Result = Rbyte;
  static constexpr bool has_missing = false;
  static constexpr const char* refusal = "raw";
  static Rbyte missing() { return 0; }
  template <class T>
  static bool put(T value, Rbyte* out) {
    *out = static_cast<Rbyte>(value);
    return sizeof(T) == 1;
  }
};

constexpr std::int64_t stride = 1 << 18;  // elements between two looks at the keyboard

template <class From, class To>
bool read_numbers(const Column& column, typename To::Result* out, Source from) {
  std::int64_t unfit = -1;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const void* values = buffer(chunk, 1);
    const unsigned char* bits = validity(chunk);
    for (std::int64_t start = 0; start < chunk.length && unfit < 0; start += stride) {
      R_CheckUserInterrupt();
      const std::int64_t end = start + stride < chunk.length ? start + stride : chunk.length;
      bool good = true;
      if (bits == nullptr) {
        for (std::int64_t i = start; i < end; i++) {
          good &= To::put(value_of(load<From>(values, chunk.at + i)), out + done + i);
        }
      } else {
        for (std::int64_t i = start; i < end; i++) {
          const bool there = bit(bits, chunk.at + i);
          const bool fits = To::put(value_of(load<From>(values, chunk.at + i)), out + done + i);
          if (!there) out[done + i] = To::missing();
          good &= there ? fits : To::has_missing;
        }
      }
      for (std::int64_t i = start; !good && i < end && unfit < 0; i++) {
        typename To::Result ignored;
        const bool there = present(bits, chunk.at + i);
        const bool fits = To::put(value_of(load<From>(values, chunk.at + i)), &ignored);
        if (there ? !fits : !To::has_missing) unfit = done + i;
      }
    }
  });
  return unfit < 0 || from.report->problem(To::refusal, row_number(unfit));
}

template <class To>
bool read_numbers_as(const Column& column, typename To::Result* out, Source from) {
  if (!check_buffers(column, 2, from)) return false;
  switch (column.schema->format[0]) {
    case 'c': return read_numbers<std::int8_t, To>(column, out, from);
    case 'C': return read_numbers<std::uint8_t, To>(column, out, from);
    case 's': return read_numbers<std::int16_t, To>(column, out, from);
    case 'S': return read_numbers<std::uint16_t, To>(column, out, from);
    case 'i': return read_numbers<std::int32_t, To>(column, out, from);
    case 'I': return read_numbers<std::uint32_t, To>(column, out, from);
    case 'l': return read_numbers<std::int64_t, To>(column, out, from);
    case 'L': return read_numbers<std::uint64_t, To>(column, out, from);
    case 'e': return read_numbers<Half, To>(column, out, from);
    case 'f': return read_numbers<float, To>(column, out, from);
    case 'g': return read_numbers<double, To>(column, out, from);
  }
  return from.report->problem("plan", 0, column.schema->format);
}

bool is_number(const char* format) {
  return format[0] != '\0' && format[1] == '\0' && std::strchr("cCsSiIlLefg", format[0]) != nullptr;
}

// R's NA, whatever tag it bears: a NaN whose lower word is 1954.
bool is_na(double value) { return R_IsNA(value) != 0; }

// Doubles keep their bits, and so R's NA where Arrow has no bitmap, and the tags that haven gives it.
bool read_doubles(const Column& column, double* out, Source from) {
  if (!check_buffers(column, 2, from)) return false;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    if (chunk.length == 0) return;
    const char* values = static_cast<const char*>(buffer(chunk, 1)) + chunk.at * 8;
    std::memcpy(out + done, values, static_cast<std::size_t>(chunk.length) * 8);
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; bits != nullptr && i < chunk.length; i++) {
      if (!bit(bits, chunk.at + i) && !is_na(out[done + i])) out[done + i] = NA_REAL;
    }
  });
  return true;
}

bool read_logicals(const Column& column, int* out, Source from) {
  if (!check_buffers(column, 2, from)) return false;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const unsigned char* values = static_cast<const unsigned char*>(buffer(chunk, 1));
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; i < chunk.length; i++) {
      const bool there = present(bits, chunk.at + i);
      out[done + i] = there ? bit(values, chunk.at + i) : NA_LOGICAL;
    }
  });
  return true;
}

// Bytes --------------------------------------------------------------------------------------------

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

// Dates and times ---------------------------------------------------------------------------------

// Units since 1970 as seconds. Up to 2^53 one division is exact to the last bit; beyond, second and
// fraction go separate ways. False where the double no longer tells which unit it was.
bool instant(std::int64_t units, std::int64_t per_second, double* seconds) {
  const double scale = static_cast<double>(per_second);
  constexpr std::int64_t exact = INT64_C(1) << 53;
  if (units >= -exact && units <= exact) {
    *seconds = static_cast<double>(units) / scale;
    return static_cast<std::int64_t>(std::nearbyint(*seconds * scale)) == units;
  }
  std::int64_t whole = units / per_second, rest = units % per_second;
  if (rest < 0) {
    rest += per_second;
    whole--;
  }
  *seconds = static_cast<double>(whole) + static_cast<double>(rest) / scale;
  const double second = std::floor(*seconds);
  if (!(std::fabs(second) < 9.2e18)) return false;
  const double back = std::nearbyint((*seconds - second) * scale);
  std::int64_t again;
  return !__builtin_mul_overflow(static_cast<std::int64_t>(second), per_second, &again) &&
         !__builtin_add_overflow(again, static_cast<std::int64_t>(back), &again) && again == units;
}

bool duration(std::int64_t units, double per_value, double* value) {
  *value = static_cast<double>(units) / per_value;
  const double back = std::nearbyint(*value * per_value);
  return std::fabs(back) < 9.2e18 && static_cast<std::int64_t>(back) == units;
}

std::int64_t units_per_second(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 1000;
    case 'u': return 1000000;
    case 'n': return 1000000000;
  }
  return 0;
}

template <class From, class Convert>
bool read_times(const Column& column, double* out, Source from, Convert convert) {
  if (!check_buffers(column, 2, from)) return false;
  std::int64_t inexact = -1;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const void* values = buffer(chunk, 1);
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; i < chunk.length; i++) {
      if ((i & 0xfffff) == 0xfffff) R_CheckUserInterrupt();
      if (!present(bits, chunk.at + i)) {
        out[done + i] = NA_REAL;
      } else if (!convert(load<From>(values, chunk.at + i), out + done + i) && inexact < 0) {
        inexact = done + i;
      }
    }
  });
  if (inexact >= 0) from.report->notice("inexact_time", row_number(inexact));
  return true;
}

// DATA of a "date", "timestamp", "duration" or "time"; `scale` is seconds in 1 of R's unit.
bool read_time(const Column& column, const char* kind, double scale, double* out, Source from) {
  const char* format = column.schema->format;
  if (std::strcmp(kind, "date") == 0) {
    if (std::strcmp(format, "tdD") == 0) {
      return read_times<std::int32_t>(column, out, from, [](std::int64_t days, double* value) {
        *value = static_cast<double>(days);
        return true;
      });
    }
    return read_times<std::int64_t>(column, out, from, [](std::int64_t units, double* value) {
      *value = static_cast<double>(units) / 86400000.0;
      return units % 86400000 == 0;
    });
  }
  const std::int64_t per_second = units_per_second(format[2]);
  if (per_second == 0) return from.damaged("its unit is unknown");
  if (std::strcmp(kind, "timestamp") == 0) {
    return read_times<std::int64_t>(column, out, from, [=](std::int64_t units, double* value) {
      return instant(units, per_second, value);
    });
  }
  const double per_value = static_cast<double>(per_second) * scale;
  const auto convert = [=](std::int64_t units, double* value) {
    return duration(units, per_value, value);
  };
  const bool narrow = format[1] == 't' && (format[2] == 's' || format[2] == 'm');
  return narrow ? read_times<std::int32_t>(column, out, from, convert)
                : read_times<std::int64_t>(column, out, from, convert);
}

// Decimals ----------------------------------------------------------------------------------------

struct Decimal {
  int precision = 0;
  int scale = 0;
  int width = 128;  // bits

  bool parse(const char* format) {
    const int found = std::sscanf(format, "d:%d,%d,%d", &precision, &scale, &width);
    return found >= 2 && (width == 32 || width == 64 || width == 128) && precision > 0 &&
           precision <= 38 && scale >= -38 && scale <= 76;
  }
};

// At most 39 digits, 76 more for the scale, a sign and a point.
int print_decimal(__int128 value, int scale, char* text) {
  char digits[160];
  int count = 0;
  const bool negative = value < 0;
  unsigned __int128 rest = static_cast<unsigned __int128>(value);
  if (negative) rest = -rest;
  do {
    digits[count++] = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  while (count <= scale) digits[count++] = '0';
  char* at = text;
  if (negative) *at++ = '-';
  for (int i = count - 1; i >= 0; i--) {
    *at++ = digits[i];
    if (i == scale && scale > 0) *at++ = '.';
  }
  const bool zero = count == 1 && digits[0] == '0';
  for (int i = 0; i < -scale && !zero; i++) *at++ = '0';
  *at = '\0';
  return static_cast<int>(at - text);
}

bool read_decimals(const Column& column, SEXP out, Source from) {
  Decimal decimal;
  if (!decimal.parse(column.schema->format)) {
    return from.report->problem("type", 0, column.schema->format);
  }
  if (!check_buffers(column, 2, from)) return false;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const void* values = buffer(chunk, 1);
    const unsigned char* bits = validity(chunk);
    char text[256];
    for (std::int64_t i = 0; i < chunk.length; i++) {
      if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
      const std::int64_t at = chunk.at + i;
      const bool there = present(bits, at);
      int size = 0;
      if (there) {
        const __int128 value = decimal.width == 32   ? load<std::int32_t>(values, at)
                               : decimal.width == 64 ? load<std::int64_t>(values, at)
                                                     : load<__int128>(values, at);
        size = print_decimal(value, decimal.scale, text);
      }
      if (TYPEOF(out) == REALSXP) {
        REAL(out)[done + i] = there ? R_strtod(text, nullptr) : NA_REAL;
      } else {
        SET_STRING_ELT(out, done + i, there ? Rf_mkCharLen(text, size) : NA_STRING);
      }
    }
  });
  return true;
}

// Trees -------------------------------------------------------------------------------------------

// The rows that are missing as a whole, or NULL.
SEXP missing_rows(const Column& column) {
  std::int64_t count = 0;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t) {
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; bits != nullptr && i < chunk.length; i++) {
      count += !bit(bits, chunk.at + i);
    }
  });
  if (count == 0) return R_NilValue;
  SEXP rows = PROTECT(Rf_allocVector(REALSXP, count));
  double* out = REAL(rows);
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; bits != nullptr && i < chunk.length; i++) {
      if (!bit(bits, chunk.at + i)) *out++ = row_number(done + i);
    }
  });
  UNPROTECT(1);
  return rows;
}

SEXP plan_child(SEXP plan, std::int64_t which) {
  SEXP children = VECTOR_ELT(plan, 1);
  return TYPEOF(children) == VECSXP && which < XLENGTH(children) ? VECTOR_ELT(children, which)
                                                                 : R_NilValue;
}

// list(columns, rows, missing)
SEXP read_struct(SEXP plan, const Column& column, Source from) {
  if (!check_buffers(column, 1, from)) return nullptr;
  const char* names[] = {"columns", "rows", "missing", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP columns = Rf_allocVector(VECSXP, column.schema->n_children);
  SET_VECTOR_ELT(out, 0, columns);
  SET_VECTOR_ELT(out, 1, Rf_ScalarReal(static_cast<double>(column.length)));
  SET_VECTOR_ELT(out, 2, missing_rows(column));
  for (std::int64_t i = 0; i < column.schema->n_children; i++) {
    Column child;
    SEXP read = child_of(column, i, &child, from) ? read_node(plan_child(plan, i), child, from)
                                                  : nullptr;
    if (read == nullptr) {
      UNPROTECT(1);
      return nullptr;
    }
    SET_VECTOR_ELT(columns, i, read);
  }
  UNPROTECT(1);
  return out;
}

template <class Offset>
void put_ranges(const Column& column, double* starts, double* sizes) {
  double before = 1;  // elements of earlier chunks, and R's first position
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    if (chunk.length == 0) return;
    const void* offsets = buffer(chunk, 1);
    const unsigned char* bits = validity(chunk);
    const Offset first = load<Offset>(offsets, chunk.at);
    Offset end = first;
    for (std::int64_t i = 0; i < chunk.length; i++) {
      const Offset start = load<Offset>(offsets, chunk.at + i);
      end = load<Offset>(offsets, chunk.at + i + 1);
      starts[done + i] = before + static_cast<double>(start - first);
      sizes[done + i] =
          present(bits, chunk.at + i) ? static_cast<double>(end - start) : NA_REAL;
    }
    before += static_cast<double>(end - first);
  });
}

// list(values, starts, sizes), with NA as the size of a list that is missing.
template <class Offset>
SEXP read_list(SEXP plan, const Column& column, Source from) {
  if (!check_buffers(column, 2, from)) return nullptr;
  Column elements;
  const bool good = elements_of(
      column, &elements, from, [](const Chunk& chunk, std::int64_t* start, std::int64_t* length) {
        Offset first = 0, last = 0;
        if (chunk.length > 0 &&
            !in_order(buffer(chunk, 1), chunk.at, chunk.length, &first, &last)) {
          return false;
        }
        *start = first;
        *length = static_cast<std::int64_t>(last) - first;
        return true;
      });
  if (!good) return nullptr;
  const char* names[] = {"values", "starts", "sizes", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP starts = Rf_allocVector(REALSXP, column.length);
  SET_VECTOR_ELT(out, 1, starts);
  SEXP sizes = Rf_allocVector(REALSXP, column.length);
  SET_VECTOR_ELT(out, 2, sizes);
  put_ranges<Offset>(column, REAL(starts), REAL(sizes));
  SEXP values = read_node(plan_child(plan, 0), elements, from);
  if (values != nullptr) SET_VECTOR_ELT(out, 0, values);
  UNPROTECT(1);
  return values == nullptr ? nullptr : out;
}

// list(values, width, missing, rows)
SEXP read_fixed_list(SEXP plan, const Column& column, Source from) {
  const std::int64_t width = std::strtol(column.schema->format + 3, nullptr, 10);
  if (width < 0 || width > INT32_MAX) {
    from.damaged("its width is negative or too large");
    return nullptr;
  }
  Column elements;
  const bool good = check_buffers(column, 1, from) &&
                    elements_of(column, &elements, from,
                                [=](const Chunk& chunk, std::int64_t* start, std::int64_t* length) {
                                  return !__builtin_mul_overflow(chunk.at, width, start) &&
                                         !__builtin_mul_overflow(chunk.length, width, length);
                                });
  if (!good) return nullptr;
  const char* names[] = {"values", "width", "missing", "rows", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 1, Rf_ScalarInteger(static_cast<int>(width)));
  SET_VECTOR_ELT(out, 2, missing_rows(column));
  SET_VECTOR_ELT(out, 3, Rf_ScalarReal(static_cast<double>(column.length)));
  SEXP values = read_node(plan_child(plan, 0), elements, from);
  if (values != nullptr) SET_VECTOR_ELT(out, 0, values);
  UNPROTECT(1);
  return values == nullptr ? nullptr : out;
}

// Dictionaries ------------------------------------------------------------------------------------

std::int64_t load_code(char format, const void* values, std::int64_t i) {
  switch (format) {
    case 'c': return load<std::int8_t>(values, i);
    case 'C': return load<std::uint8_t>(values, i);
    case 's': return load<std::int16_t>(values, i);
    case 'S': return load<std::uint16_t>(values, i);
    case 'i': return load<std::int32_t>(values, i);
    case 'I': return load<std::uint32_t>(values, i);
    case 'l': return load<std::int64_t>(values, i);
    // above 2^63 it turns negative, and is refused as that
    case 'L': return static_cast<std::int64_t>(load<std::uint64_t>(values, i));
  }
  return -1;
}

// Producers that split one column repeat its dictionary, buffers and all.
bool same_dictionary(const ArrowArray* a, const ArrowArray* b) {
  if (a->length != b->length || a->offset != b->offset || a->n_buffers != b->n_buffers) return false;
  if (a->n_children > 0 || b->n_children > 0 || a->n_buffers < 2) return false;
  for (std::int64_t i = 1; i < a->n_buffers; i++) {
    if (a->buffers[i] != b->buffers[i]) return false;
  }
  return true;
}

// list(codes, values): the dictionaries of all chunks one after another, and codes into that.
SEXP read_dictionary(SEXP plan, const Column& column, Source from) {
  const char format = column.schema->format[0];
  if (!is_number(column.schema->format) || std::strchr("efg", format) != nullptr) {
    from.damaged("its codes are not whole numbers");
    return nullptr;
  }
  if (!check_buffers(column, 2, from)) return nullptr;
  const char* names[] = {"codes", "values", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP codes = Rf_allocVector(INTSXP, column.length);
  SET_VECTOR_ELT(out, 0, codes);
  int* code = INTEGER(codes);
  Chunk* chunks = reinterpret_cast<Chunk*>(
      R_alloc(static_cast<std::size_t>(column.n_chunks) + 1, sizeof(Chunk)));
  std::int64_t n_chunks = 0, base = 0, total = 0, unfit = -1, done = 0;
  const char* why = nullptr;
  for (std::int64_t c = 0; c < column.n_chunks && why == nullptr && unfit < 0; c++) {
    const Chunk& chunk = column.chunks[c];
    ArrowArray* dictionary = chunk.array->dictionary;
    why = refuse_array(dictionary, 0, dictionary == nullptr ? 0 : dictionary->length);
    if (why != nullptr) break;
    if (n_chunks == 0 || !same_dictionary(chunks[n_chunks - 1].array, dictionary)) {
      chunks[n_chunks++] = {dictionary, dictionary->offset, dictionary->length};
      base = total;
      total += dictionary->length;
      if (total > INT32_MAX) why = "it has more than 2^31 categories";
    }
    const void* values = buffer(chunk, 1);
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; i < chunk.length && why == nullptr; i++) {
      if ((i & 0xfffff) == 0xfffff) R_CheckUserInterrupt();
      if (!present(bits, chunk.at + i)) {
        code[done + i] = NA_INTEGER;
        continue;
      }
      const std::int64_t value = load_code(format, values, chunk.at + i);
      if (value < 0 || value >= dictionary->length) {
        unfit = done + i;
        break;
      }
      code[done + i] = static_cast<int>(base + value + 1);
    }
    done += chunk.length;
  }
  SEXP values = nullptr;
  if (why != nullptr) {
    from.damaged(why);
  } else if (unfit >= 0) {
    from.report->problem("code", row_number(unfit));
  } else {
    values = read_node(plan_child(plan, 0), {column.schema->dictionary, chunks, n_chunks, total},
                       from);
  }
  if (values != nullptr) SET_VECTOR_ELT(out, 1, values);
  UNPROTECT(1);
  return values == nullptr ? nullptr : out;
}

// Nodes -------------------------------------------------------------------------------------------

bool starts_with(const char* text, const char* start) {
  return std::strncmp(text, start, std::strlen(start)) == 0;
}

bool read_vector(const char* kind, const char* format, SEXP plan, const Column& column, SEXP out,
                 Source from) {
  const auto is = [=](const char* wanted) { return std::strcmp(kind, wanted) == 0; };
  const auto has = [=](const char* wanted) { return std::strcmp(format, wanted) == 0; };
  if (is("logical") && has("b")) return read_logicals(column, LOGICAL(out), from);
  if (is("logical") && has("n")) {
    for (std::int64_t i = 0; i < column.length; i++) LOGICAL(out)[i] = NA_LOGICAL;
    return true;
  }
  if (is("double") && has("g")) return read_doubles(column, REAL(out), from);
  if (is("double") && is_number(format)) {
    return read_numbers_as<ToDouble>(column, REAL(out), from);
  }
  if (is("integer") && is_number(format)) {
    return read_numbers_as<ToInteger>(column, INTEGER(out), from);
  }
  if (is("integer64") && is_number(format)) {
    return read_numbers_as<ToInteger64>(column, reinterpret_cast<std::int64_t*>(REAL(out)), from);
  }
  if (is("raw") && has("C")) return read_numbers_as<ToRaw>(column, RAW(out), from);
  if (is("binary") && has("z")) return read_binary<std::int32_t>(column, out, from);
  if (is("binary") && has("Z")) return read_binary<std::int64_t>(column, out, from);
  if (is("binary") && has("vz")) return read_binary_views(column, out, from);
  if (is("binary") && starts_with(format, "w:")) return read_fixed_binary(column, out, from);
  if (starts_with(kind, "decimal") && starts_with(format, "d:")) {
    return read_decimals(column, out, from);
  }
  const bool timed = (is("date") && starts_with(format, "td")) ||
                     (is("timestamp") && starts_with(format, "ts")) ||
                     (is("duration") && starts_with(format, "tD")) ||
                     (is("time") && starts_with(format, "tt"));
  if (timed) {
    return read_time(column, kind, Rf_asReal(VECTOR_ELT(plan, 2)), REAL(out), from);
  }
  return from.report->problem("type", 0, format);
}

unsigned vector_type(const char* kind) {
  if (std::strcmp(kind, "logical") == 0) return LGLSXP;
  if (std::strcmp(kind, "integer") == 0) return INTSXP;
  if (std::strcmp(kind, "raw") == 0) return RAWSXP;
  if (std::strcmp(kind, "decimal_text") == 0) return STRSXP;
  if (std::strcmp(kind, "binary") == 0) return VECSXP;
  return REALSXP;
}

bool is_text(const char* kind, const char* format) {
  const bool wanted = std::strcmp(kind, "text") == 0 || std::strcmp(kind, "lazy_text") == 0;
  return wanted && (std::strcmp(format, "u") == 0 || std::strcmp(format, "U") == 0 ||
                    std::strcmp(format, "vu") == 0);
}

// Fewer strings than this are made at once: being lazy has its price, too.
constexpr std::int64_t worth_waiting = 1024;

SEXP read_text(const char* kind, const Column& column, Source from) {
  const TextChunk* texts = check_text(column, from);
  if (texts == nullptr) return nullptr;
  if (std::strcmp(kind, "lazy_text") == 0 && column.length >= worth_waiting) {
    return lazy_strings(column, texts);
  }
  SEXP out = PROTECT(Rf_allocVector(STRSXP, column.length));
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    fill_strings(texts[c], out, done, true);
    done += texts[c].length;
  }
  UNPROTECT(1);
  return out;
}

// Follows the plan list(kind, children, extra). Null and a problem if it cannot.
SEXP read_kind(SEXP plan, const Column& column, Source from) {
  if (TYPEOF(plan) != VECSXP || XLENGTH(plan) != 3 || TYPEOF(VECTOR_ELT(plan, 0)) != STRSXP) {
    from.report->problem("plan");
    return nullptr;
  }
  const char* kind = CHAR(STRING_ELT(VECTOR_ELT(plan, 0), 0));
  const char* format = column.schema->format;
  if (column.schema->dictionary != nullptr) return read_dictionary(plan, column, from);
  if (std::strcmp(format, "+s") == 0) return read_struct(plan, column, from);
  if (std::strcmp(format, "+l") == 0) return read_list<std::int32_t>(plan, column, from);
  if (std::strcmp(format, "+m") == 0) return read_list<std::int32_t>(plan, column, from);
  if (std::strcmp(format, "+L") == 0) return read_list<std::int64_t>(plan, column, from);
  if (starts_with(format, "+w:")) return read_fixed_list(plan, column, from);
  if (is_text(kind, format)) return read_text(kind, column, from);
  SEXP out = PROTECT(Rf_allocVector(vector_type(kind), column.length));
  const bool good = read_vector(kind, format, plan, column, out, from);
  UNPROTECT(1);
  return good ? out : nullptr;
}

SEXP read_node(SEXP plan, const Column& column, Source from) {
  if (!from.report->enter(column.schema->name)) return nullptr;
  SEXP read = read_kind(plan, column, from);
  if (read != nullptr) from.report->leave();
  return read;
}

// Streams -----------------------------------------------------------------------------------------

bool stream_failed(Stream* owned, int code, Source from) {
  const char* why = owned->stream.get_last_error == nullptr
                        ? nullptr
                        : owned->stream.get_last_error(&owned->stream);
  return from.report->problem("stream", code, why);
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

// Everything that the stream still has. The batches belong to the stream's external pointer.
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

}  // namespace

// Lets go of everything that was read, except what vectors have taken.
void close_stream(Stream* owned) {
  for (std::int64_t i = 0; i < owned->n_batches; i++) {
    if (owned->batches[i].release != nullptr) owned->batches[i].release(&owned->batches[i]);
  }
  owned->n_batches = 0;
  if (owned->stream.release != nullptr) owned->stream.release(&owned->stream);
}

SEXP arrow_schema(SEXP pointer) {
  empty_queue();
  SEXP notices = PROTECT(Rf_cons(R_NilValue, R_NilValue));
  Report report(notices);
  Stream* owned = stream_of(pointer);
  SEXP schema = R_NilValue;
  if (open_schema(owned, {&report})) {
    SEXP found = describe(&owned->schema, &report);
    if (found != nullptr) schema = found;
  }
  SEXP answer = report.as_list(schema);
  UNPROTECT(1);
  return answer;
}

SEXP arrow_import(SEXP pointer, SEXP plan) {
  SEXP notices = PROTECT(Rf_cons(R_NilValue, R_NilValue));
  Report report(notices);
  Stream* owned = stream_of(pointer);
  SEXP value = R_NilValue;
  Column whole;
  Source from{&report};
  if (open_schema(owned, from) && take_batches(owned, from) && join_batches(owned, &whole, from)) {
    SEXP read = read_node(plan, whole, from);
    if (read != nullptr) value = PROTECT(read);
    close_stream(owned);
    if (read != nullptr) UNPROTECT(1);
  }
  SEXP answer = report.as_list(value);
  UNPROTECT(1);
  return answer;
}

// The slices of a vector as a list; NULL where the size is NA. Each has the attributes of the
// whole, which describe its type (class, levels, zone, units), and has no names.
SEXP arrow_slice(SEXP values, SEXP starts, SEXP sizes) {
  const R_xlen_t n = XLENGTH(sizes), there = XLENGTH(values);
  const double *start = REAL_RO(starts), *size = REAL_RO(sizes);
  SEXP out = PROTECT(Rf_allocVector(VECSXP, n));
  for (R_xlen_t i = 0; i < n; i++) {
    if ((i & 0xffff) == 0xffff) R_CheckUserInterrupt();
    if (std::isnan(size[i])) continue;
    if (!(start[i] >= 1 && size[i] >= 0 && start[i] - 1 + size[i] <= static_cast<double>(there))) {
      Rf_error("a slice lies outside its vector");
    }
    const R_xlen_t from = static_cast<R_xlen_t>(start[i]) - 1, count = static_cast<R_xlen_t>(size[i]);
    SEXP slice = Rf_allocVector(TYPEOF(values), count);
    SET_VECTOR_ELT(out, i, slice);
    const std::size_t bytes = static_cast<std::size_t>(count);
    switch (TYPEOF(values)) {
      case LGLSXP:
        if (count > 0) std::memcpy(LOGICAL(slice), LOGICAL_RO(values) + from, bytes * 4);
        break;
      case INTSXP:
        if (count > 0) std::memcpy(INTEGER(slice), INTEGER_RO(values) + from, bytes * 4);
        break;
      case REALSXP:
        if (count > 0) std::memcpy(REAL(slice), REAL_RO(values) + from, bytes * 8);
        break;
      case CPLXSXP:
        if (count > 0) std::memcpy(COMPLEX(slice), COMPLEX_RO(values) + from, bytes * 16);
        break;
      case RAWSXP:
        if (count > 0) std::memcpy(RAW(slice), RAW_RO(values) + from, bytes);
        break;
      case STRSXP:
        for (R_xlen_t j = 0; j < count; j++) SET_STRING_ELT(slice, j, STRING_ELT(values, from + j));
        break;
      case VECSXP:
        for (R_xlen_t j = 0; j < count; j++) SET_VECTOR_ELT(slice, j, VECTOR_ELT(values, from + j));
        break;
      default:
        Rf_error("a list of this type cannot be made");
    }
    if (ATTRIB(values) != R_NilValue) Rf_copyMostAttrib(values, slice);
    if (Rf_getAttrib(values, R_LevelsSymbol) != R_NilValue) {
      Rf_setAttrib(slice, R_LevelsSymbol, Rf_getAttrib(values, R_LevelsSymbol));
    }
  }
  UNPROTECT(1);
  return out;
}

}  // namespace tandemlab
