#include "values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "json.h"

namespace tandemlab {

namespace {

Notice notice;  // static, since R may leave any call by longjmp

enum class Type {
  logical, integer, real, text, factor, integer64, date, moment, difference, other
};

struct Kind {
  Type type;
  bool plain_class;  // nothing is lost with the class
};

bool class_is(SEXP classes, R_xlen_t i, const char* name) {
  return XLENGTH(classes) > i && std::strcmp(CHAR(STRING_ELT(classes, i)), name) == 0;
}

Type base_type(SEXP x) {
  switch (TYPEOF(x)) {
    case LGLSXP: return Type::logical;
    case INTSXP: return Type::integer;
    case REALSXP: return Type::real;
    case STRSXP: return Type::text;
    default: return Type::other;
  }
}

// Classes that say how to print or to treat a vector, and nothing of what its values mean.
bool is_decoration(SEXP x) {
  return Rf_inherits(x, "AsIs") || Rf_inherits(x, "noquote") || Rf_inherits(x, "table");
}

Kind kind_of(SEXP x) {
  SEXP classes = Rf_getAttrib(x, R_ClassSymbol);
  if (TYPEOF(classes) != STRSXP || XLENGTH(classes) == 0) return {base_type(x), true};
  const R_xlen_t count = XLENGTH(classes);
  const bool number = TYPEOF(x) == REALSXP || TYPEOF(x) == INTSXP;
  if (TYPEOF(x) == INTSXP && Rf_inherits(x, "factor")) {
    const bool ordered = count == 2 && class_is(classes, 0, "ordered");
    return {Type::factor, count == 1 || ordered};
  }
  if (TYPEOF(x) == REALSXP && Rf_inherits(x, "integer64")) return {Type::integer64, count == 1};
  if (number && Rf_inherits(x, "Date")) return {Type::date, count == 1};
  if (number && Rf_inherits(x, "POSIXct")) {
    return {Type::moment, count == 2 && class_is(classes, 0, "POSIXct")};
  }
  if (number && Rf_inherits(x, "difftime")) return {Type::difference, count == 1};
  return {is_decoration(x) ? base_type(x) : Type::other, false};
}

Problem refuse(const char* reason, double number = 0, const char* detail = nullptr) {
  Problem problem;
  problem.reason = reason;
  problem.number = number;
  problem.detail = detail;
  return problem;
}

Problem refuse_type(SEXP x) {
  SEXP classes = Rf_getAttrib(x, R_ClassSymbol);
  const bool named = TYPEOF(classes) == STRSXP && XLENGTH(classes) > 0;
  return refuse("type", 0, named ? CHAR(STRING_ELT(classes, 0)) : Rf_type2char(TYPEOF(x)));
}

void lose(const char* attribute) {
  if (notice.attribute[0] == '\0') {
    std::snprintf(notice.attribute, sizeof notice.attribute, "%s", attribute);
  }
}

// Puts `step` in front of the place of a problem that comes up from within.
Problem within(Problem problem, const char* step) {
  const std::size_t room = sizeof notice.place - 1;
  const std::size_t more = std::min(std::strlen(step), room);
  const std::size_t kept = std::min(std::strlen(notice.place), room - more);
  std::memmove(notice.place + more, notice.place, kept);
  std::memcpy(notice.place, step, more);
  notice.place[more + kept] = '\0';
  return problem;
}

void step_to(char* step, std::size_t size, SEXP names, R_xlen_t i) {
  if (TYPEOF(names) == STRSXP) {
    std::snprintf(step, size, "$%.60s", CHAR(STRING_ELT(names, i)));
  } else {
    std::snprintf(step, size, "[[%lld]]", static_cast<long long>(i + 1));
  }
}

double number_at(SEXP x, R_xlen_t i) {
  if (TYPEOF(x) == REALSXP) return REAL_ELT(x, i);
  const int value = INTEGER_ELT(x, i);
  return value == NA_INTEGER ? NA_REAL : value;
}

void put_number(Buffer* out, double value) {
  std::isfinite(value) ? put_finite(out, value) : out->put("null");
}

constexpr double earliest_day = -719162;  // 0001-01-01, Python's first
constexpr double latest_day = 2932896;    // 9999-12-31, its last

Problem put_day(Buffer* out, double value) {
  const double day = std::floor(value);
  if (std::isnan(value)) {
    out->put("null");
    return {};
  }
  if (!(day >= earliest_day && day <= latest_day)) return refuse("time");
  if (day != value) notice.fraction = true;
  put_integer(out, static_cast<long long>(day));
  return {};
}

Problem put_moment(Buffer* out, double value) {
  const double day = std::floor(value / 86400);
  if (!std::isnan(value) && !(day >= earliest_day && day <= latest_day)) return refuse("time");
  put_number(out, value);
  return {};
}

Problem put_element(Buffer* out, SEXP x, R_xlen_t i, Type type) {
  switch (type) {
    case Type::logical: {
      const int value = LOGICAL_ELT(x, i);
      value == NA_LOGICAL ? out->put("null") : value != 0 ? out->put("true") : out->put("false");
      return {};
    }
    case Type::integer:
    case Type::factor: {
      const int value = INTEGER_ELT(x, i);
      value == NA_INTEGER ? out->put("null") : put_integer(out, value);
      return {};
    }
    case Type::real:
      put_number(out, REAL_ELT(x, i));
      return {};
    case Type::difference: {
      const double value = number_at(x, i);
      if (std::isinf(value)) return refuse("time");
      put_number(out, value);
      return {};
    }
    case Type::text:
      return put_string(out, STRING_ELT(x, i));
    case Type::integer64: {
      const double bits = REAL_ELT(x, i);
      std::int64_t value;
      std::memcpy(&value, &bits, sizeof value);
      if (value == INT64_MIN) {
        out->put("null");
        return {};
      }
      out->put('"');
      put_integer(out, value);
      out->put('"');
      return {};
    }
    case Type::date:
      return put_day(out, number_at(x, i));
    case Type::moment:
      return put_moment(out, number_at(x, i));
    default:
      return refuse_type(x);
  }
}

// The places of one kind of number that JSON has no word for.
template <typename Test>
void put_places(Buffer* out, SEXP x, const char* key, Test is_one) {
  bool found = false;
  const R_xlen_t count = XLENGTH(x);
  for (R_xlen_t i = 0; i < count; ++i) {
    if (!is_one(REAL_ELT(x, i))) continue;
    out->put(found ? "," : key, found ? 1 : std::strlen(key));
    found = true;
    put_integer(out, static_cast<long long>(i + 1));
  }
  if (found) out->put(']');
}

Problem put_strings(Buffer* out, SEXP strings) {
  out->put('[');
  const R_xlen_t count = XLENGTH(strings);
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (Problem problem = put_string(out, STRING_ELT(strings, i))) return problem;
  }
  out->put(']');
  return {};
}

const char* name_of(Type type) {
  switch (type) {
    case Type::logical: return "logical";
    case Type::integer: return "integer";
    case Type::real: return "double";
    case Type::text: return "character";
    case Type::factor: return "factor";
    case Type::integer64: return "integer64";
    case Type::date: return "date";
    case Type::moment: return "time";
    case Type::difference: return "difftime";
    default: return "";
  }
}

Problem put_dim(Buffer* out, SEXP x) {
  SEXP dim = Rf_getAttrib(x, R_DimSymbol);
  if (TYPEOF(dim) != INTSXP) return {};
  out->put(",\"dim\":[");
  for (R_xlen_t i = 0; i < XLENGTH(dim); ++i) {
    if (i > 0) out->put(',');
    put_integer(out, INTEGER_ELT(dim, i));
  }
  out->put(']');
  SEXP names = Rf_getAttrib(x, R_DimNamesSymbol);
  if (TYPEOF(names) != VECSXP) return {};
  if (TYPEOF(Rf_getAttrib(names, R_NamesSymbol)) == STRSXP) lose("names of dimnames");
  out->put(",\"dimnames\":[");
  for (R_xlen_t i = 0; i < XLENGTH(names); ++i) {
    if (i > 0) out->put(',');
    SEXP one = VECTOR_ELT(names, i);
    if (TYPEOF(one) != STRSXP) {
      out->put("null");
    } else if (Problem problem = put_strings(out, one)) {
      return problem;
    }
  }
  out->put(']');
  return {};
}

// What a factor, a time or a difftime knows beside its values.
Problem put_about(Buffer* out, SEXP x, Type type) {
  if (type == Type::factor) {
    SEXP levels = Rf_getAttrib(x, R_LevelsSymbol);
    if (TYPEOF(levels) != STRSXP) return refuse("factor");
    for (R_xlen_t i = 0; i < XLENGTH(levels); ++i) {
      if (STRING_ELT(levels, i) == NA_STRING) return refuse("factor");
    }
    for (R_xlen_t i = 0; i < XLENGTH(x); ++i) {
      const int code = INTEGER_ELT(x, i);
      if (code != NA_INTEGER && (code < 1 || code > XLENGTH(levels))) return refuse("factor");
    }
    out->put(",\"levels\":");
    if (Problem problem = put_strings(out, levels)) return problem;
    Rf_inherits(x, "ordered") ? out->put(",\"ordered\":true") : out->put(",\"ordered\":false");
  }
  if (type == Type::moment) {
    SEXP zone = Rf_getAttrib(x, Rf_install("tzone"));
    const bool given = TYPEOF(zone) == STRSXP && XLENGTH(zone) > 0;
    if (given && XLENGTH(zone) > 1) lose("tzone");
    out->put(",\"zone\":");
    if (Problem problem = put_string(out, given ? STRING_ELT(zone, 0) : NA_STRING)) return problem;
    if (Rf_asLogical(Rf_getAttrib(x, Rf_install("tandemlab_clock"))) == TRUE) {
      out->put(",\"clock\":true");
    }
  }
  if (type == Type::difference) {
    SEXP units = Rf_getAttrib(x, Rf_install("units"));
    if (TYPEOF(units) != STRSXP || XLENGTH(units) != 1) return refuse("units");
    out->put(",\"units\":");
    if (Problem problem = put_string(out, STRING_ELT(units, 0))) return problem;
  }
  const bool timely = type == Type::date || type == Type::moment || type == Type::difference;
  if (timely && TYPEOF(x) == INTSXP) out->put(",\"storage\":\"integer\"");
  return {};
}

// Every attribute that put_vector() does not send.
void note_attributes(SEXP x, const Kind& kind) {
  if (!kind.plain_class) lose("class");
  for (SEXP one = ATTRIB(x); one != R_NilValue; one = CDR(one)) {
    SEXP tag = TAG(one);
    const char* name = CHAR(PRINTNAME(tag));
    const bool sent = tag == R_NamesSymbol || tag == R_ClassSymbol || tag == R_DimSymbol ||
                      tag == R_DimNamesSymbol ||
                      (tag == R_LevelsSymbol && kind.type == Type::factor) ||
                      (kind.type == Type::difference && std::strcmp(name, "units") == 0) ||
                      (kind.type == Type::moment && (std::strcmp(name, "tzone") == 0 ||
                                                     std::strcmp(name, "tandemlab_clock") == 0));
    if (!sent) lose(name);
  }
}

Problem put_body(Buffer* out, SEXP x, const Kind& kind) {
  const R_xlen_t count = XLENGTH(x);
  out->put("{\"type\":\"");
  out->put(name_of(kind.type), std::strlen(name_of(kind.type)));
  out->put("\",\"values\":[");
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (Problem problem = put_element(out, x, i, kind.type)) {
      problem.number = static_cast<double>(i + 1);
      return problem;
    }
  }
  out->put(']');
  if (kind.type == Type::real) {
    put_places(out, x, ",\"nan\":[", [](double value) { return ISNAN(value) && !ISNA(value); });
    put_places(out, x, ",\"inf\":[", [](double value) { return value == R_PosInf; });
    put_places(out, x, ",\"-inf\":[", [](double value) { return value == R_NegInf; });
  }
  if (Problem problem = put_about(out, x, kind.type)) return problem;
  if (Problem problem = put_dim(out, x)) return problem;
  const bool array = TYPEOF(Rf_getAttrib(x, R_DimSymbol)) == INTSXP;
  SEXP names = array ? R_NilValue : Rf_getAttrib(x, R_NamesSymbol);
  if (TYPEOF(names) == STRSXP) {
    out->put(",\"names\":");
    if (Problem problem = put_strings(out, names)) return problem;
  }
  note_attributes(x, kind);
  out->put('}');
  return {};
}

Problem put_bare(Buffer* out, SEXP x, Type type) {
  if (XLENGTH(x) != 1) return refuse("length", static_cast<double>(XLENGTH(x)));
  if (type == Type::real && !ISNA(REAL_ELT(x, 0)) && !std::isfinite(REAL_ELT(x, 0))) {
    const double value = REAL_ELT(x, 0);
    const char* form = std::isnan(value) ? "{\"$float\":\"nan\"}"
                       : value > 0       ? "{\"$float\":\"inf\"}"
                                         : "{\"$float\":\"-inf\"}";
    out->put(form, std::strlen(form));
    return {};
  }
  return put_element(out, x, 0, type);
}

Problem put_vector(Buffer* out, SEXP x, bool scalars) {
  const Kind kind = kind_of(x);
  if (kind.type == Type::other) return refuse_type(x);
  if (scalars && kind.type <= Type::text) return put_bare(out, x, kind.type);
  if (scalars && XLENGTH(x) != 1) return refuse("length", static_cast<double>(XLENGTH(x)));
  scalars ? out->put("{\"$scalar\":") : out->put("{\"$vector\":");
  if (Problem problem = put_body(out, x, kind)) return problem;
  out->put('}');
  return {};
}

void put_bytes(Buffer* out, SEXP x) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const Rbyte* bytes = RAW(x);
  const auto count = static_cast<std::size_t>(XLENGTH(x));
  out->put("{\"$bytes\":\"");
  for (std::size_t i = 0; i < count; i += 3) {
    const unsigned second = i + 1 < count ? bytes[i + 1] : 0, third = i + 2 < count ? bytes[i + 2] : 0;
    const unsigned group = static_cast<unsigned>(bytes[i]) << 16 | second << 8 | third;
    out->put(digits[group >> 18]);
    out->put(digits[group >> 12 & 63]);
    out->put(i + 1 < count ? digits[group >> 6 & 63] : '=');
    out->put(i + 2 < count ? digits[group & 63] : '=');
  }
  out->put("\"}");
}

Problem put_nested(Buffer* out, SEXP x, bool scalars, int depth);

Problem put_list(Buffer* out, SEXP x, bool scalars, int depth) {
  constexpr int deepest = 64;
  if (depth > deepest) return refuse("deep", deepest);
  SEXP names = Rf_getAttrib(x, R_NamesSymbol);
  const bool map = TYPEOF(names) == STRSXP;
  for (SEXP one = ATTRIB(x); one != R_NilValue; one = CDR(one)) {
    if (TAG(one) == R_DimSymbol) return refuse("list_array");
    if (TAG(one) != R_NamesSymbol) lose(CHAR(PRINTNAME(TAG(one))));
  }
  map ? out->put("{\"$map\":[") : out->put("[");
  const R_xlen_t count = XLENGTH(x);
  for (R_xlen_t i = 0; i < count; ++i) {
    if (i > 0) out->put(',');
    if (map) {
      SEXP name = STRING_ELT(names, i);
      if (name == NA_STRING || LENGTH(name) == 0) return refuse("unnamed", static_cast<double>(i + 1));
      out->put('[');
      if (Problem problem = put_string(out, name)) return problem;
      out->put(',');
    }
    if (Problem problem = put_nested(out, VECTOR_ELT(x, i), scalars, depth + 1)) {
      char step[80];
      step_to(step, sizeof step, names, i);
      return within(problem, step);
    }
    if (map) out->put(']');
  }
  map ? out->put("]}") : out->put("]");
  return {};
}

Problem put_nested(Buffer* out, SEXP x, bool scalars, int depth) {
  if (TYPEOF(x) == NILSXP) {
    out->put("null");
    return {};
  }
  if (TYPEOF(x) == RAWSXP && !Rf_isObject(x)) {
    if (ATTRIB(x) != R_NilValue) lose(CHAR(PRINTNAME(TAG(ATTRIB(x)))));
    put_bytes(out, x);
    return {};
  }
  if (TYPEOF(x) != VECSXP) return put_vector(out, x, scalars);
  if (!Rf_isObject(x)) return put_list(out, x, scalars, depth);
  if (Rf_inherits(x, "tandemlab_frame_file")) {
    out->put("{\"$file\":");
    if (Problem problem = put_string(out, STRING_ELT(VECTOR_ELT(x, 0), 0))) return problem;
    out->put('}');
    return {};
  }
  if (Rf_inherits(x, "data.frame")) return refuse("frame");
  if (Rf_inherits(x, "POSIXlt")) return refuse("posixlt");
  return refuse_type(x);
}

}  // namespace

Problem put_value(Buffer* out, SEXP x, bool scalars) {
  notice = Notice{};
  return put_nested(out, x, scalars, 0);
}

const Notice& last_notice() { return notice; }

}  // namespace tandemlab
