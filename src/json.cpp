#include "json.h"

#include <langinfo.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "utf8.h"

namespace tandemlab {

namespace {

// Whether unmarked strings hold some other encoding. In the C locale of a bare job they hold
// what the script's file holds, which is UTF-8 or refused.
bool locale_is_foreign() {
  const char* codeset = nl_langinfo(CODESET);
  return std::strcmp(codeset, "UTF-8") != 0 && std::strcmp(codeset, "ANSI_X3.4-1968") != 0;
}

enum class Type { logical, integer, real, text, factor, integer64, date, moment, other };

Type type_of(SEXP x) {
  if (Rf_isObject(x)) {
    if (Rf_inherits(x, "factor")) return TYPEOF(x) == INTSXP ? Type::factor : Type::other;
    if (Rf_inherits(x, "integer64")) return TYPEOF(x) == REALSXP ? Type::integer64 : Type::other;
    if (Rf_inherits(x, "difftime") || Rf_inherits(x, "tandemlab_secret")) return Type::other;
    const bool number = TYPEOF(x) == REALSXP || TYPEOF(x) == INTSXP;
    if (Rf_inherits(x, "Date")) return number ? Type::date : Type::other;
    if (Rf_inherits(x, "POSIXct")) return number ? Type::moment : Type::other;
  }
  switch (TYPEOF(x)) {
    case LGLSXP: return Type::logical;
    case INTSXP: return Type::integer;
    case REALSXP: return Type::real;
    case STRSXP: return Type::text;
    default: return Type::other;
  }
}

Problem unknown_type(SEXP x) {
  Problem problem;
  problem.reason = "type";
  SEXP classes = Rf_getAttrib(x, R_ClassSymbol);
  if (TYPEOF(classes) == STRSXP && XLENGTH(classes) > 0) {
    problem.detail = CHAR(STRING_ELT(classes, 0));
  } else {
    problem.detail = Rf_type2char(TYPEOF(x));
  }
  return problem;
}

Problem refuse(const char* reason, double number = 0, SEXP where = nullptr) {
  Problem problem;
  problem.reason = reason;
  problem.number = number;
  problem.where = where;
  return problem;
}

void put_null(Buffer* out) { out->put("null"); }

void put_double(Buffer* out, double value) {
  if (ISNA(value)) return put_null(out);
  if (std::isnan(value)) return out->put("{\"float\":\"nan\"}");
  if (std::isinf(value)) {
    return value > 0 ? out->put("{\"float\":\"inf\"}") : out->put("{\"float\":\"-inf\"}");
  }
  put_finite(out, value);
}

// Days since 1970-01-01 as a date of the proleptic Gregorian calendar
// (http://howardhinnant.github.io/date_algorithms.html#civil_from_days).
void civil_from_days(std::int64_t days, std::int64_t* year, int* month, int* day) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  *day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  *month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  *year = static_cast<std::int64_t>(year_of_era) + era * 400 + (*month <= 2 ? 1 : 0);
}

constexpr double latest_day = 2932896;  // 9999-12-31
constexpr double earliest_day = -719162;  // 0001-01-01

// A date or moment as ISO 8601 text; moments in UTC.
Problem put_time(Buffer* out, double value, Type type) {
  const double day = std::floor(type == Type::date ? value : value / 86400);
  if (std::isnan(value)) {
    put_null(out);
    return {};
  }
  if (!(day >= earliest_day && day <= latest_day)) return refuse("time", value);
  std::int64_t year;
  int month, day_of_month;
  char text[80];
  int count;
  if (type == Type::date) {
    civil_from_days(static_cast<std::int64_t>(day), &year, &month, &day_of_month);
    count = std::snprintf(text, sizeof text, "\"%04lld-%02d-%02d\"", static_cast<long long>(year),
                          month, day_of_month);
  } else {
    // The product of all with a million would be rounded once more, too often from 2106 on.
    const double full = std::floor(value);
    const std::int64_t micros =
        static_cast<std::int64_t>(full) * 1000000 + std::llround((value - full) * 1e6);
    constexpr std::int64_t per_day = 86400000000LL;
    const std::int64_t whole = micros >= 0 ? micros / per_day : -((-micros + per_day - 1) / per_day);
    const std::int64_t rest = micros - whole * per_day;
    civil_from_days(whole, &year, &month, &day_of_month);
    const int second = static_cast<int>(rest / 1000000);
    const int micro = static_cast<int>(rest % 1000000);
    count = std::snprintf(text, sizeof text, "\"%04lld-%02d-%02dT%02d:%02d:%02d",
                          static_cast<long long>(year), month, day_of_month, second / 3600,
                          second / 60 % 60, second % 60);
    if (micro != 0) {
      count += std::snprintf(text + count, sizeof text - static_cast<std::size_t>(count), ".%06d",
                             micro);
    }
    count += std::snprintf(text + count, sizeof text - static_cast<std::size_t>(count),
                           "+00:00\"");
  }
  out->put(text, static_cast<std::size_t>(count));
  return {};
}

Problem put_element(Buffer* out, SEXP x, R_xlen_t i, Type type) {
  switch (type) {
    case Type::logical: {
      const int value = LOGICAL_ELT(x, i);
      value == NA_LOGICAL ? out->put("null") : value != 0 ? out->put("true") : out->put("false");
      return {};
    }
    case Type::integer: {
      const int value = INTEGER_ELT(x, i);
      value == NA_INTEGER ? put_null(out) : put_integer(out, value);
      return {};
    }
    case Type::real:
      put_double(out, REAL_ELT(x, i));
      return {};
    case Type::text:
      return put_string(out, STRING_ELT(x, i));
    case Type::factor: {
      const int code = INTEGER_ELT(x, i);
      SEXP levels = Rf_getAttrib(x, R_LevelsSymbol);
      if (code == NA_INTEGER) {
        put_null(out);
        return {};
      }
      if (TYPEOF(levels) != STRSXP || code < 1 || code > XLENGTH(levels)) return unknown_type(x);
      return put_string(out, STRING_ELT(levels, code - 1));
    }
    case Type::integer64: {
      const double bits = REAL_ELT(x, i);
      std::int64_t value;
      std::memcpy(&value, &bits, sizeof value);
      value == INT64_MIN ? put_null(out) : put_integer(out, value);
      return {};
    }
    case Type::date:
    case Type::moment: {
      if (TYPEOF(x) == REALSXP) return put_time(out, REAL_ELT(x, i), type);
      const int value = INTEGER_ELT(x, i);
      return put_time(out, value == NA_INTEGER ? NA_REAL : value, type);
    }
    default:
      return unknown_type(x);
  }
}

// An array from an atomic vector. Doubles, the common case, skip the dispatch.
Problem put_vector(Buffer* out, SEXP x) {
  const Type type = type_of(x);
  if (type == Type::other) return unknown_type(x);
  const R_xlen_t count = XLENGTH(x);
  out->put('[');
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (type == Type::real) {
      put_double(out, REAL_ELT(x, i));
    } else if (Problem problem = put_element(out, x, i, type)) {
      problem.number = static_cast<double>(i + 1);
      return problem;
    }
  }
  out->put(']');
  return {};
}

// The key of element `i` of a named list, with its colon.
Problem put_key(Buffer* out, SEXP names, R_xlen_t i) {
  SEXP name = TYPEOF(names) == STRSXP ? STRING_ELT(names, i) : R_BlankString;
  if (name == NA_STRING || LENGTH(name) == 0) {
    return refuse("unnamed", static_cast<double>(i + 1));
  }
  Text text;
  if (Problem problem = text_of(name, &text)) return problem;
  put_text(out, text);
  out->put(':');
  return {};
}

// Elements of a list by pairs: the lists here are short, and a table has few columns.
Problem check_distinct(SEXP names) {
  if (TYPEOF(names) != STRSXP) return {};
  const R_xlen_t count = XLENGTH(names);
  for (R_xlen_t i = 1; i < count; ++i) {
    for (R_xlen_t k = 0; k < i; ++k) {
      if (STRING_ELT(names, i) == STRING_ELT(names, k)) {
        return refuse("repeated", 0, STRING_ELT(names, i));
      }
    }
  }
  return {};
}

Problem in_column(Problem problem, SEXP names, R_xlen_t i) {
  if (problem.where == nullptr && TYPEOF(names) == STRSXP) problem.where = STRING_ELT(names, i);
  return problem;
}

}  // namespace

Problem text_of(SEXP charsxp, Text* text) {
  const cetype_t encoding = Rf_getCharCE(charsxp);
  text->data = CHAR(charsxp);
  text->size = static_cast<std::size_t>(LENGTH(charsxp));
  if (is_ascii(text->data, LENGTH(charsxp))) return {};
  if (encoding == CE_LATIN1 || (encoding == CE_NATIVE && locale_is_foreign())) {
    text->data = Rf_translateCharUTF8(charsxp);
    text->size = std::strlen(text->data);
  }
  const auto size = static_cast<std::int64_t>(text->size);
  const std::int64_t bad = first_invalid(text->data, size);
  if (bad < size) return refuse("encoding", static_cast<double>(bad + 1));
  return {};
}

void put_text(Buffer* out, const Text& text) {
  static const char digits[] = "0123456789abcdef";
  if (text.size > static_cast<std::size_t>(-1) / 8) {
    out->out_of_memory = true;
    return;
  }
  if (!out->reserve(text.size * 6 + 2)) return;
  char* at = out->data + out->size;
  *at++ = '"';
  for (std::size_t i = 0; i < text.size; ++i) {
    const auto byte = static_cast<unsigned char>(text.data[i]);
    if (byte == '"' || byte == '\\') {
      *at++ = '\\';
      *at++ = static_cast<char>(byte);
    } else if (byte >= 0x20) {
      *at++ = static_cast<char>(byte);
    } else {
      *at++ = '\\';
      switch (byte) {
        case '\n': *at++ = 'n'; break;
        case '\r': *at++ = 'r'; break;
        case '\t': *at++ = 't'; break;
        default:
          *at++ = 'u';
          *at++ = '0';
          *at++ = '0';
          *at++ = digits[byte >> 4];
          *at++ = digits[byte & 15];
      }
    }
  }
  *at++ = '"';
  out->size = static_cast<std::size_t>(at - out->data);
}

void put_integer(Buffer* out, long long value) {
  constexpr std::size_t longest = 24;
  if (!out->reserve(longest)) return;
  char* first = out->data + out->size;
  out->size += static_cast<std::size_t>(std::to_chars(first, first + longest, value).ptr - first);
}

void put_finite(Buffer* out, double value) {
  constexpr std::size_t longest = 40;
  if (!out->reserve(longest)) return;
  char* first = out->data + out->size;
  char* last = std::to_chars(first, first + longest, value).ptr;
  const auto count = static_cast<std::size_t>(last - first);
  out->size += count;
  if (std::memchr(first, '.', count) == nullptr && std::memchr(first, 'e', count) == nullptr) {
    out->put(".0");
  }
}

Problem put_string(Buffer* out, SEXP charsxp) {
  if (charsxp == NA_STRING) {
    put_null(out);
    return {};
  }
  Text text;
  if (Problem problem = text_of(charsxp, &text)) return problem;
  put_text(out, text);
  return {};
}

Problem put_scalar(Buffer* out, SEXP x) {
  if (TYPEOF(x) == NILSXP) return refuse("null");
  const Type type = type_of(x);
  if (type == Type::other) return unknown_type(x);
  const R_xlen_t count = XLENGTH(x);
  if (count != 1) return refuse("length", static_cast<double>(count));
  return put_element(out, x, 0, type);
}

Problem put_array(Buffer* out, SEXP x) {
  if (TYPEOF(x) == NILSXP) return refuse("null");
  if (TYPEOF(x) != VECSXP || Rf_isObject(x)) return put_vector(out, x);
  const R_xlen_t count = XLENGTH(x);
  out->put('[');
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (Problem problem = put_scalar(out, VECTOR_ELT(x, i))) {
      if (problem.number == 0 || std::strcmp(problem.reason, "length") != 0) {
        problem.number = static_cast<double>(i + 1);
      }
      return problem;
    }
  }
  out->put(']');
  return {};
}

Problem put_row(Buffer* out, SEXP x) {
  if (TYPEOF(x) != VECSXP) return unknown_type(x);
  SEXP names = Rf_getAttrib(x, R_NamesSymbol);
  const R_xlen_t count = XLENGTH(x);
  if (count == 0) return refuse("empty");
  if (Problem problem = check_distinct(names)) return problem;
  out->put('{');
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (Problem problem = put_key(out, names, i)) return problem;
    if (Problem problem = put_scalar(out, VECTOR_ELT(x, i))) return in_column(problem, names, i);
  }
  out->put('}');
  return {};
}

Problem put_columns(Buffer* out, SEXP x) {
  if (TYPEOF(x) != VECSXP) return unknown_type(x);
  SEXP names = Rf_getAttrib(x, R_NamesSymbol);
  const R_xlen_t count = XLENGTH(x);
  if (count == 0) return refuse("empty");
  if (Problem problem = check_distinct(names)) return problem;
  out->put('{');
  R_xlen_t rows = -1;
  for (R_xlen_t i = 0; i < count; ++i) {
    SEXP column = VECTOR_ELT(x, i);
    if (i > 0) out->put(',');
    if (Problem problem = put_key(out, names, i)) return problem;
    if (TYPEOF(column) == NILSXP) return in_column(refuse("null"), names, i);
    if (TYPEOF(Rf_getAttrib(column, R_DimSymbol)) != NILSXP && Rf_isMatrix(column)) {
      return in_column(refuse("matrix"), names, i);
    }
    if (Problem problem = put_vector(out, column)) return in_column(problem, names, i);
    if (rows >= 0 && XLENGTH(column) != rows) {
      return in_column(refuse("ragged", static_cast<double>(XLENGTH(column))), names, i);
    }
    rows = XLENGTH(column);
  }
  out->put('}');
  return {};
}

Problem put_tree(Buffer* out, SEXP x, int depth) {
  constexpr int deepest = 64;
  if (depth > deepest) return refuse("deep", deepest);
  if (TYPEOF(x) == NILSXP) {
    put_null(out);
    return {};
  }
  if (TYPEOF(x) != VECSXP) return put_scalar(out, x);
  SEXP names = Rf_getAttrib(x, R_NamesSymbol);
  const bool object = TYPEOF(names) == STRSXP;
  const R_xlen_t count = XLENGTH(x);
  out->put(object ? '{' : '[');
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (object) {
      if (Problem problem = put_key(out, names, i)) return problem;
    }
    if (Problem problem = put_tree(out, VECTOR_ELT(x, i), depth + 1)) {
      return object ? in_column(problem, names, i) : problem;
    }
  }
  out->put(object ? '}' : ']');
  return {};
}

}  // namespace tandemlab
