// From Arrow arrays to R vectors. arrow_schema() shows R what is coming; R/frames-import.R answers
// with a plan, a tree of the same shape; arrow_import() follows it. Nothing that comes from outside
// is believed: lengths, offsets, counts and pointers are checked before use. What the interface
// does not tell is the size of a buffer; for that the producer must be trusted.
//
// What is allocated here belongs to R (vectors, R_alloc) or hangs from the stream's external
// pointer, so that an R error or an interrupt leaks nothing. No object with a destructor lives here.

#include <R.h>
#include <R_ext/Utils.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "arrow_chunk.h"
#include "arrow_entry.h"
#include "arrow_keep.h"
#include "arrow_lazy.h"
#include "arrow_receive.h"
#include "arrow_stream.h"
#include "arrow_strings.h"
#include "arrow_vectors.h"

namespace tandemlab {
namespace {

SEXP read_node(SEXP plan, const Column& column, Source from);

bool starts_with(const char* text, const char* start) {
  return std::strncmp(text, start, std::strlen(start)) == 0;
}

// Null if it is no plan.
const char* kind_of(SEXP plan) {
  if (TYPEOF(plan) != VECSXP || XLENGTH(plan) != 3) return nullptr;
  SEXP kind = VECTOR_ELT(plan, 0);
  return TYPEOF(kind) == STRSXP && XLENGTH(kind) == 1 ? CHAR(STRING_ELT(kind, 0)) : nullptr;
}

bool is_text(const char* kind, const char* format) {
  const bool wanted = std::strcmp(kind, "text") == 0 || std::strcmp(kind, "lazy_text") == 0;
  return wanted && (std::strcmp(format, "u") == 0 || std::strcmp(format, "U") == 0 ||
                    std::strcmp(format, "vu") == 0);
}

// Fewer strings than this are made at once: being lazy has its price, too.
constexpr std::int64_t worth_waiting = 1024;

// All strings of a column, now.
SEXP make_strings(const Column& column, const TextChunk* texts) {
  SEXP out = PROTECT(Rf_allocVector(STRSXP, column.length));
  std::int64_t done = 0;
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    fill_strings(texts[c], out, done, true);
    done += texts[c].length;
  }
  UNPROTECT(1);
  return out;
}

// Chunks of children ------------------------------------------------------------------------------

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

// Codes of a chunk as R's, which begin with `first`; the position of one that is outside of the
// dictionary, or -1.
template <class Code>
std::int64_t read_codes(const Chunk& chunk, std::int64_t first, int* out) {
  using Size = std::make_unsigned_t<Code>;  // a negative code is a very large one
  constexpr std::int64_t piece = 1 << 18;
  const void* values = buffer(chunk, 1);
  const unsigned char* bits = validity(chunk);
  const std::uint64_t there = static_cast<std::uint64_t>(chunk.array->dictionary->length);
  const bool all_fit = there > std::numeric_limits<Size>::max();
  const Size last = static_cast<Size>(all_fit ? std::numeric_limits<Size>::max() : there - 1);
  const auto outside = [=](std::int64_t i) {
    return there == 0 || static_cast<Size>(load<Code>(values, chunk.at + i)) > last;
  };
  const unsigned base = static_cast<unsigned>(first);
  for (std::int64_t start = 0; start < chunk.length; start += piece) {
    R_CheckUserInterrupt();
    const std::int64_t end = start + piece < chunk.length ? start + piece : chunk.length;
    bool any = false;
    if (bits == nullptr) {
      each_of(start, end, [&](std::int64_t i) {
        any |= outside(i);
        out[i] = static_cast<int>(base + static_cast<unsigned>(load<Code>(values, chunk.at + i)));
      });
    } else {
      for (std::int64_t i = start; i < end; i++) {
        const bool missing = !bit(bits, chunk.at + i);
        const unsigned code = base + static_cast<unsigned>(load<Code>(values, chunk.at + i));
        any |= !missing && outside(i);
        out[i] = missing ? NA_INTEGER : static_cast<int>(code);
      }
    }
    for (std::int64_t i = start; any && i < end; i++) {
      if (present(bits, chunk.at + i) && outside(i)) return i;
    }
  }
  return -1;
}

using ReadCodes = std::int64_t (*)(const Chunk&, std::int64_t, int*);

// Null if the format is not one of whole numbers.
ReadCodes reader_of_codes(const char* format) {
  if (!is_number(format)) return nullptr;
  switch (format[0]) {
    case 'c': return read_codes<std::int8_t>;
    case 'C': return read_codes<std::uint8_t>;
    case 's': return read_codes<std::int16_t>;
    case 'S': return read_codes<std::uint16_t>;
    case 'i': return read_codes<std::int32_t>;
    case 'I': return read_codes<std::uint32_t>;
    case 'l': return read_codes<std::int64_t>;
    case 'L': return read_codes<std::uint64_t>;
  }
  return nullptr;
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

// The values of a dictionary. Text may wait if it is known without R's strings that no two are the
// same: *distinct.
SEXP read_categories(SEXP plan, const Column& column, bool* distinct, Source from) {
  const char* kind = kind_of(plan);
  *distinct = false;
  if (kind == nullptr || std::strcmp(kind, "lazy_text") != 0 || column.length < worth_waiting ||
      column.n_chunks != 1 || !is_text(kind, column.schema->format)) {
    return read_node(plan, column, from);
  }
  if (!from.report->enter(column.schema->name)) return nullptr;
  const TextChunk* texts = check_text(column, from);
  if (texts == nullptr) return nullptr;
  from.report->leave();
  *distinct = all_distinct(texts[0]);
  return *distinct ? lazy_strings(column, texts) : make_strings(column, texts);
}

// list(codes, values, distinct): the dictionaries of all chunks one after another, and codes into
// that.
SEXP read_dictionary(SEXP plan, const Column& column, Source from) {
  const ReadCodes read = reader_of_codes(column.schema->format);
  if (read == nullptr) {
    from.damaged("its codes are not whole numbers");
    return nullptr;
  }
  if (!check_buffers(column, 2, from)) return nullptr;
  const char* names[] = {"codes", "values", "distinct", ""};
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
    }
    if (total > INT32_MAX) {
      why = "it has more than 2^31 categories";
      break;
    }
    const std::int64_t outside = read(chunk, base + 1, code + done);
    if (outside >= 0) unfit = done + outside;
    done += chunk.length;
  }
  SEXP values = nullptr;
  bool distinct = false;
  if (why != nullptr) {
    from.damaged(why);
  } else if (unfit >= 0) {
    from.report->problem("code", row_number(unfit));
  } else {
    values = read_categories(plan_child(plan, 0),
                             {column.schema->dictionary, chunks, n_chunks, total}, &distinct, from);
  }
  if (values != nullptr) SET_VECTOR_ELT(out, 1, values);
  SET_VECTOR_ELT(out, 2, Rf_ScalarLogical(distinct));
  UNPROTECT(1);
  return values == nullptr ? nullptr : out;
}

// Nodes -------------------------------------------------------------------------------------------

bool read_vector(const char* kind, const char* format, SEXP plan, const Column& column, SEXP out,
                 Source from) {
  const auto is = [=](const char* wanted) { return std::strcmp(kind, wanted) == 0; };
  if (is("binary")) return read_binaries(column, out, from);
  if (starts_with(kind, "decimal") && starts_with(format, "d:")) {
    return read_decimals(column, out, from);
  }
  const bool timed = (is("date") && starts_with(format, "td")) ||
                     (is("timestamp") && starts_with(format, "ts")) ||
                     (is("duration") && starts_with(format, "tD")) ||
                     (is("time") && starts_with(format, "tt"));
  if (timed) {
    return read_time(kind, Rf_asReal(VECTOR_ELT(plan, 2)), column, REAL(out), from);
  }
  return read_numbers(kind, column, out, from);
}

unsigned vector_type(const char* kind) {
  if (std::strcmp(kind, "logical") == 0) return LGLSXP;
  if (std::strcmp(kind, "integer") == 0) return INTSXP;
  if (std::strcmp(kind, "raw") == 0) return RAWSXP;
  if (std::strcmp(kind, "decimal_text") == 0) return STRSXP;
  if (std::strcmp(kind, "binary") == 0) return VECSXP;
  return REALSXP;
}

SEXP read_text(const char* kind, const Column& column, Source from) {
  const TextChunk* texts = check_text(column, from);
  if (texts == nullptr) return nullptr;
  if (std::strcmp(kind, "lazy_text") == 0 && column.length >= worth_waiting) {
    return lazy_strings(column, texts);
  }
  return make_strings(column, texts);
}

// Follows the plan list(kind, children, extra). Null and a problem if it cannot.
SEXP read_kind(SEXP plan, const Column& column, Source from) {
  const char* kind = kind_of(plan);
  if (kind == nullptr) {
    from.report->problem("plan");
    return nullptr;
  }
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

}  // namespace

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

}  // namespace tandemlab
