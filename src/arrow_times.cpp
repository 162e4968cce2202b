#include "arrow_vectors.h"

#include <R.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "arrow_rounding.h"

namespace tandemlab {
namespace {

// Units since 1970 as seconds. Up to 2^53 one division is exact to the last bit; beyond, second and
// fraction go separate ways. False where the double no longer tells which unit it was.
bool instant(std::int64_t units, std::int64_t per_second, double* seconds) {
  const double scale = static_cast<double>(per_second);
  constexpr std::int64_t exact = INT64_C(1) << 53;
  if (units >= -exact && units <= exact) {
    *seconds = static_cast<double>(units) / scale;
    return static_cast<std::int64_t>(nearest(*seconds * scale)) == units;
  }
  std::int64_t whole = units / per_second, rest = units % per_second;
  if (rest < 0) {
    rest += per_second;
    whole--;
  }
  *seconds = static_cast<double>(whole) + static_cast<double>(rest) / scale;
  const double second = std::floor(*seconds);
  if (!(std::fabs(second) < 9.2e18)) return false;
  const double back = nearest((*seconds - second) * scale);
  std::int64_t again;
  return !__builtin_mul_overflow(static_cast<std::int64_t>(second), per_second, &again) &&
         !__builtin_add_overflow(again, static_cast<std::int64_t>(back), &again) && again == units;
}

bool duration(std::int64_t units, double per_value, double* value) {
  *value = static_cast<double>(units) / per_value;
  const double back = nearest(*value * per_value);
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

}  // namespace

bool read_time(const char* kind, double scale, const Column& column, double* out, Source from) {
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

}  // namespace tandemlab
