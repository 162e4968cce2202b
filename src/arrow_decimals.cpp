#include "arrow_vectors.h"

#include <R.h>

#include <cstdint>
#include <cstdio>

namespace tandemlab {
namespace {

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

}  // namespace

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

}  // namespace tandemlab
