#include "json_parse.h"

#include <charconv>
#include <climits>
#include <cstring>

#include "buffer.h"

namespace tandemlab {

namespace {

Buffer unescaped;  // static, since R may leave any call by longjmp

constexpr int deepest = 500;

// Reading stops at `*at`; a null `at` says that the text is no JSON.
struct Reader {
  const char* at;
  const char* end;
};

void skip_space(Reader* in) {
  while (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r') ++in->at;
}

SEXP fail(Reader* in) {
  in->at = nullptr;
  return R_NilValue;
}

bool take(Reader* in, const char* word) {
  const std::size_t size = std::strlen(word);
  if (std::strncmp(in->at, word, size) != 0) return false;
  in->at += size;
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The code unit behind `\u`, or -1.
int code_unit(const char* digits) {
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(digits[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

void put_character(long code) {
  if (code < 0x80) {
    unescaped.put(static_cast<char>(code));
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const int lead[] = {0, 0xC0, 0xE0, 0xF0};
  unescaped.put(static_cast<char>(lead[more] | (code >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    unescaped.put(static_cast<char>(0x80 | (code >> (6 * i) & 0x3F)));
  }
}

// The character of an escape, `*at` behind the backslash; moves `*at` behind it. -1: none.
long escaped_character(const char** at) {
  static const char* const letters = "\"\\/bfnrt";
  static const char characters[] = "\"\\/\b\f\n\r\t";
  const char letter = *(*at)++;
  if (letter != 'u') {
    const char* found = letter == '\0' ? nullptr : std::strchr(letters, letter);
    return found == nullptr ? -1 : characters[found - letters];
  }
  const int high = code_unit(*at);
  if (high <= 0) return -1;  // no NUL: R's strings cannot hold it
  *at += 4;
  if (high < 0xD800 || high > 0xDFFF) return high;
  const int low = (*at)[0] == '\\' && (*at)[1] == 'u' ? code_unit(*at + 2) : -1;
  if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF) return -1;
  *at += 6;
  return 0x10000 + ((high - 0xD800L) << 10) + (low - 0xDC00);
}

// The end of the string that begins at `at`, which is its opening quote; null if it has none.
const char* closing_quote(const char* at) {
  for (++at; *at != '"'; ++at) {
    if (*at == '\0') return nullptr;
    if (*at == '\\' && *++at == '\0') return nullptr;
  }
  return at;
}

SEXP make_string(Reader* in, const char* data, std::size_t size) {
  if (size > INT_MAX) return fail(in);
  return Rf_mkCharLenCE(data, static_cast<int>(size), CE_UTF8);
}

SEXP read_string(Reader* in) {
  const char* first = in->at + 1;
  const char* last = closing_quote(in->at);
  if (last == nullptr) return fail(in);
  in->at = last + 1;
  const auto size = static_cast<std::size_t>(last - first);
  if (std::memchr(first, '\\', size) == nullptr) return make_string(in, first, size);
  unescaped.restart(0);
  for (const char* at = first; at < last;) {
    if (*at != '\\') {
      unescaped.put(*at++);
      continue;
    }
    ++at;
    const long code = escaped_character(&at);
    if (code < 0) return fail(in);
    put_character(code);
  }
  if (unescaped.out_of_memory) return fail(in);
  return make_string(in, unescaped.data, unescaped.size);
}

bool read_double(Reader* in, double* value) {
  const auto result = std::from_chars(in->at, in->end, *value);
  if (result.ec != std::errc() && result.ec != std::errc::result_out_of_range) return false;
  in->at = result.ptr;
  return true;
}

SEXP read_number(Reader* in) {
  const char* first = in->at;
  double value = 0;
  if (!read_double(in, &value)) return fail(in);
  for (const char* at = first; at < in->at; ++at) {
    if (*at == '.' || *at == 'e' || *at == 'E') return Rf_ScalarReal(value);
  }
  const bool fits = value >= -INT_MAX && value <= INT_MAX;
  return fits ? Rf_ScalarInteger(static_cast<int>(value)) : Rf_ScalarReal(value);
}

enum class Item { number, text, logical, null, other };

Item item_at(const char* at) {
  if (*at == '"') return Item::text;
  if (*at == 't' || *at == 'f') return Item::logical;
  if (*at == 'n') return Item::null;
  return *at == '-' || (*at >= '0' && *at <= '9') ? Item::number : Item::other;
}

struct Array {
  R_xlen_t count = 0;
  Item item = Item::null;  // what all are, beside null; `other` for several kinds
};

// Looks ahead from behind `[` to what the array holds; a count of -1 if it does not end.
Array look_ahead(Reader in) {
  Array found;
  skip_space(&in);
  if (*in.at == ']' || *in.at == '}') return found;
  int depth = 0;
  bool begins = true;
  for (;; ++in.at) {
    skip_space(&in);
    if (begins && depth == 0) {
      const Item item = item_at(in.at);
      ++found.count;
      if (found.item == Item::null) {
        found.item = item;
      } else if (item != Item::null && item != found.item) {
        found.item = Item::other;
      }
    }
    begins = *in.at == ',';
    if (*in.at == '"') {
      in.at = closing_quote(in.at);
      if (in.at == nullptr) break;
    } else if (*in.at == '[' || *in.at == '{') {
      ++depth;
    } else if (*in.at == ']' || *in.at == '}') {
      if (--depth < 0) return found;
    } else if (*in.at == '\0') {
      break;
    }
  }
  found.count = -1;
  return found;
}

SEXP read_value(Reader* in, bool typed, int depth);

// Behind an element or a member: true if another follows, after which `at` is on it.
bool another(Reader* in, char close) {
  skip_space(in);
  if (*in->at == ',') {
    ++in->at;
    skip_space(in);
    return true;
  }
  if (*in->at == close) {
    ++in->at;
  } else {
    in->at = nullptr;
  }
  return false;
}

bool read_item(Reader* in, SEXP vector, R_xlen_t i, Item item) {
  const bool missing = take(in, "null");
  if (item == Item::text) {
    SEXP text = missing ? NA_STRING : read_string(in);
    if (in->at != nullptr) SET_STRING_ELT(vector, i, text);
  } else if (item == Item::logical) {
    const bool yes = !missing && take(in, "true");
    if (!missing && !yes && !take(in, "false")) return false;
    LOGICAL(vector)[i] = missing ? NA_LOGICAL : yes ? TRUE : FALSE;
  } else {
    double value = NA_REAL;
    if (!missing && !read_double(in, &value)) return false;
    REAL(vector)[i] = value;
  }
  return in->at != nullptr;
}

SEXP read_array(Reader* in, bool typed, int depth) {
  ++in->at;
  const Array array = look_ahead(*in);
  if (array.count < 0 || depth > deepest) return fail(in);
  const bool atomic = typed && array.item != Item::other && array.item != Item::null;
  const SEXPTYPE type = !atomic                         ? VECSXP
                        : array.item == Item::text      ? STRSXP
                        : array.item == Item::logical   ? LGLSXP
                                                        : REALSXP;
  SEXP found = PROTECT(Rf_allocVector(type, array.count));
  skip_space(in);
  if (array.count == 0) ++in->at;
  for (R_xlen_t i = 0; i < array.count; ++i) {
    if (atomic) {
      if (!read_item(in, found, i, array.item)) in->at = nullptr;
    } else {
      SET_VECTOR_ELT(found, i, read_value(in, typed, depth + 1));
    }
    if (in->at == nullptr) break;
    const bool more = another(in, ']');
    if (in->at == nullptr || more != (i + 1 < array.count)) {
      in->at = nullptr;
      break;
    }
  }
  UNPROTECT(1);
  return found;
}

SEXP read_object(Reader* in, int depth) {
  const Array members = look_ahead({in->at + 1, in->end});
  if (members.count < 0 || depth > deepest) return fail(in);
  ++in->at;
  skip_space(in);
  SEXP found = PROTECT(Rf_allocVector(VECSXP, members.count));
  SEXP names = PROTECT(Rf_allocVector(STRSXP, members.count));
  Rf_setAttrib(found, R_NamesSymbol, names);
  if (members.count == 0 && *in->at++ != '}') in->at = nullptr;
  for (R_xlen_t i = 0; i < members.count; ++i) {
    if (*in->at != '"') in->at = nullptr;
    SEXP name = in->at == nullptr ? R_NilValue : read_string(in);
    if (in->at != nullptr) {
      SET_STRING_ELT(names, i, name);
      skip_space(in);
    }
    if (in->at == nullptr || *in->at != ':') {
      in->at = nullptr;
      break;
    }
    ++in->at;
    const bool typed = CHAR(STRING_ELT(names, i))[0] != '$';
    SET_VECTOR_ELT(found, i, read_value(in, typed, depth + 1));
    if (in->at == nullptr) break;
    const bool more = another(in, '}');
    if (in->at == nullptr || more != (i + 1 < members.count)) {
      in->at = nullptr;
      break;
    }
  }
  UNPROTECT(2);
  return found;
}

SEXP read_value(Reader* in, bool typed, int depth) {
  skip_space(in);
  switch (*in->at) {
    case '{': return read_object(in, depth);
    case '[': return read_array(in, typed, depth);
    case '"': {
      SEXP text = PROTECT(read_string(in));
      SEXP value = in->at == nullptr ? R_NilValue : Rf_ScalarString(text);
      UNPROTECT(1);
      return value;
    }
    case 't': return take(in, "true") ? Rf_ScalarLogical(TRUE) : fail(in);
    case 'f': return take(in, "false") ? Rf_ScalarLogical(FALSE) : fail(in);
    case 'n': return take(in, "null") ? R_NilValue : fail(in);
    default: return read_number(in);
  }
}

}  // namespace

SEXP parse_json(const char* text) {
  Reader in{text, text + std::strlen(text)};
  SEXP value = PROTECT(read_value(&in, false, 0));
  if (in.at != nullptr) skip_space(&in);
  const bool whole = in.at != nullptr && *in.at == '\0';
  UNPROTECT(1);
  return whole ? value : nullptr;
}

}  // namespace tandemlab
