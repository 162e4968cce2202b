#include "arrow_vectors.h"

#include <R.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace tandemlab {
namespace {

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
bool read_numbers_of(const Column& column, typename To::Result* out, Source from) {
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

// Bits, or with "arrow.bool8" a byte for each.
bool read_logicals(const Column& column, bool as_bytes, int* out, Source from) {
  if (!check_buffers(column, 2, from)) return false;
  each_chunk(column, [&](const Chunk& chunk, std::int64_t done) {
    const unsigned char* values = static_cast<const unsigned char*>(buffer(chunk, 1));
    const unsigned char* bits = validity(chunk);
    for (std::int64_t i = 0; i < chunk.length; i++) {
      const std::int64_t at = chunk.at + i;
      const bool value = as_bytes ? values[at] != 0 : bit(values, at);
      out[done + i] = present(bits, at) ? value : NA_LOGICAL;
    }
  });
  return true;
}

}  // namespace

bool is_number(const char* format) {
  return format[0] != '\0' && format[1] == '\0' && std::strchr("cCsSiIlLefg", format[0]) != nullptr;
}

bool read_numbers(const char* kind, const Column& column, SEXP out, Source from) {
  const char* format = column.schema->format;
  const auto is = [=](const char* wanted) { return std::strcmp(kind, wanted) == 0; };
  const auto has = [=](const char* wanted) { return std::strcmp(format, wanted) == 0; };
  if (is("logical") && (has("b") || has("c"))) {
    return read_logicals(column, has("c"), LOGICAL(out), from);
  }
  if (is("logical") && has("n")) {
    for (std::int64_t i = 0; i < column.length; i++) LOGICAL(out)[i] = NA_LOGICAL;
    return true;
  }
  if (is("double") && has("g")) return read_doubles(column, REAL(out), from);
  if (is("raw") && has("C")) return read_numbers_of<ToRaw>(column, RAW(out), from);
  if (is_number(format)) {
    if (is("double")) return read_numbers_of<ToDouble>(column, REAL(out), from);
    if (is("integer")) return read_numbers_of<ToInteger>(column, INTEGER(out), from);
    if (is("integer64")) {
      auto* values = reinterpret_cast<std::int64_t*>(REAL(out));
      return read_numbers_of<ToInteger64>(column, values, from);
    }
  }
  return from.report->problem("type", 0, format);
}

}  // namespace tandemlab
