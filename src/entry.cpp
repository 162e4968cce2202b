// What R calls. Each function encodes by R's API first, while no object with a destructor lives,
// and then hands plain bytes to C++ that knows nothing of R and lets no exception out.

#define R_NO_REMAP
#include <R.h>
#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>
#include <Rinternals.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <new>

#include "arrow_entry.h"
#include "arrow_lazy.h"
#include "files.h"
#include "fork.h"
#include "json.h"
#include "json_parse.h"
#include "names.h"
#include "spool.h"
#include "values.h"
#include "worker.h"

namespace tandemlab {

SEXP as_list(const Problem& problem) {
  if (!problem) return R_NilValue;
  const char* names[] = {"reason", "where", "detail", "number", ""};
  SEXP list = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(list, 0, Rf_mkString(problem.reason));
  if (problem.where != nullptr) SET_VECTOR_ELT(list, 1, Rf_ScalarString(problem.where));
  if (problem.detail != nullptr) SET_VECTOR_ELT(list, 2, Rf_mkString(problem.detail));
  SET_VECTOR_ELT(list, 3, Rf_ScalarReal(problem.number));
  UNPROTECT(1);
  return list;
}

namespace {

Buffer line;  // the one buffer of the process; see buffer.h

Problem problem_of(const Outcome& outcome) {
  Problem problem;
  if (outcome.clash != Shape::none) {
    problem.reason = "shape";
    problem.detail = name_of(outcome.clash);
  } else if (outcome.operation != nullptr) {
    problem.reason = "system";
    problem.detail = outcome.operation;
    problem.number = outcome.error;
  }
  return problem;
}

Problem problem_of(const char* reason, const char* detail = nullptr) {
  Problem problem;
  problem.reason = reason;
  problem.detail = detail;
  return problem;
}

Problem one_text(SEXP x, const char* reason, Text* text) {
  if (TYPEOF(x) != STRSXP || XLENGTH(x) != 1 || STRING_ELT(x, 0) == NA_STRING) {
    return problem_of(reason, "it must be a single string");
  }
  if (text_of(STRING_ELT(x, 0), text)) return problem_of(reason, "it is not valid UTF-8");
  return {};
}

Problem put_step(SEXP step) {
  constexpr double largest = 9007199254740992.0;  // 2^53: doubles are exact up to here
  if (TYPEOF(step) == NILSXP) return {};
  double value = NA_REAL;
  if (XLENGTH(step) == 1 && !Rf_isObject(step)) {
    if (TYPEOF(step) == INTSXP && INTEGER_ELT(step, 0) != NA_INTEGER) value = INTEGER_ELT(step, 0);
    if (TYPEOF(step) == REALSXP) value = REAL_ELT(step, 0);
  }
  if (!(std::fabs(value) <= largest) || std::floor(value) != value) return problem_of("step");
  line.put(",\"step\":");
  put_integer(&line, static_cast<long long>(value));
  return {};
}

Problem put_description(SEXP description) {
  if (TYPEOF(description) == NILSXP) return {};
  Text text;
  if (Problem problem = one_text(description, "description", &text)) return problem;
  if (text.size > 0) {
    line.put(",\"description\":");
    put_text(&line, text);
  }
  return {};
}

using Encoder = Problem (*)(Buffer*, SEXP);

Problem put_any(Buffer* out, SEXP value) { return put_tree(out, value); }

// The event without "seq" and "time", behind the room for them.
Problem encode(const char* kind, SEXP name, Encoder put_value, SEXP value, SEXP step,
               SEXP description, Text* name_text) {
  if (Problem problem = one_text(name, "name", name_text)) return problem;
  const bool file = std::strcmp(kind, "file") == 0;
  const char* why = file ? refuse_file_name(*name_text) : refuse_metric_name(*name_text);
  if (why != nullptr) return problem_of(file ? "file_name" : "name", why);
  line.restart(head_room);
  line.put("\"kind\":\"");
  line.put(kind, std::strlen(kind));
  line.put("\",\"name\":");
  put_text(&line, *name_text);
  if (std::strcmp(kind, "untag") != 0) {
    line.put(",\"value\":");
    if (Problem problem = put_value(&line, value)) return problem;
  }
  if (Problem problem = put_step(step)) return problem;
  if (Problem problem = put_description(description)) return problem;
  line.put("}\n");
  constexpr std::size_t largest = 0x7ffff000;  // write(2) takes no more at once
  if (line.out_of_memory || line.size > largest) return problem_of("size");
  return {};
}

SEXP log_event(SEXP run, const char* kind, SEXP name, Encoder put_value, SEXP value, SEXP step,
               SEXP description) {
  Text run_text, name_text;
  Problem problem = one_text(run, "run", &run_text);
  if (!problem) problem = encode(kind, name, put_value, value, step, description, &name_text);
  if (problem) return as_list(problem);
  try {
    problem = problem_of(append(run_text.data, shape_of(kind), name_text.data, name_text.size,
                                line.data + head_room, line.size - head_room));
  } catch (const std::bad_alloc&) {
    problem = problem_of("size");
  }
  return as_list(problem);
}

SEXP log_metric(SEXP run, SEXP name, SEXP value, SEXP step, SEXP description) {
  return log_event(run, "metric", name, put_scalar, value, step, description);
}

SEXP log_list(SEXP run, SEXP name, SEXP value, SEXP description) {
  return log_event(run, "list", name, put_array, value, R_NilValue, description);
}

SEXP log_row(SEXP run, SEXP name, SEXP value, SEXP description) {
  return log_event(run, "row", name, put_row, value, R_NilValue, description);
}

SEXP log_table(SEXP run, SEXP name, SEXP value, SEXP description) {
  return log_event(run, "table", name, put_columns, value, R_NilValue, description);
}

SEXP log_other(SEXP run, SEXP kind, SEXP name, SEXP value, SEXP description) {
  return log_event(run, CHAR(STRING_ELT(kind, 0)), name, put_any, value, R_NilValue, description);
}

SEXP close_writer(SEXP run) {
  Text text;
  if (Problem problem = one_text(run, "run", &text)) return as_list(problem);
  close_spool(text.data);
  return R_NilValue;
}

SEXP writer_path(SEXP run) {
  Text text;
  if (one_text(run, "run", &text)) return R_NilValue;
  char path[4096] = "";
  try {
    const std::string found = spool_path(text.data);
    if (found.size() < sizeof path) std::memcpy(path, found.c_str(), found.size() + 1);
  } catch (const std::bad_alloc&) {
    return R_NilValue;
  }
  return path[0] == '\0' ? R_NilValue : Rf_ScalarString(Rf_mkCharCE(path, CE_UTF8));
}

SEXP to_json(SEXP value) {
  line.restart(0);
  if (Problem problem = put_tree(&line, value)) return as_list(problem);
  if (line.out_of_memory || line.size > 0x7fffffff) return as_list(problem_of("size"));
  return Rf_ScalarString(Rf_mkCharLenCE(line.data, static_cast<int>(line.size), CE_UTF8));
}

// The text, or a problem; with what was dropped and where as the attribute "notice".
SEXP value_text(SEXP value, SEXP scalars) {
  line.restart(0);
  Problem problem = put_value(&line, value, Rf_asLogical(scalars) == TRUE);
  if (!problem && (line.out_of_memory || line.size > 0x7fffffff)) problem = problem_of("size");
  const Notice& notice = last_notice();
  SEXP result = PROTECT(problem ? as_list(problem)
                                : Rf_ScalarString(Rf_mkCharLenCE(
                                      line.data, static_cast<int>(line.size), CE_UTF8)));
  if (problem || notice.attribute[0] != '\0' || notice.fraction) {
    const char* names[] = {"place", "attribute", "fraction", ""};
    SEXP about = PROTECT(Rf_mkNamed(VECSXP, names));
    SET_VECTOR_ELT(about, 0, Rf_mkString(notice.place));
    SET_VECTOR_ELT(about, 1, Rf_mkString(notice.attribute));
    SET_VECTOR_ELT(about, 2, Rf_ScalarLogical(notice.fraction ? TRUE : FALSE));
    Rf_setAttrib(result, Rf_install("notice"), about);
    UNPROTECT(1);
  }
  UNPROTECT(1);
  return result;
}

// A list of the value, which may be NULL; NULL if the text is no JSON.
SEXP from_json(SEXP text) {
  if (TYPEOF(text) != STRSXP || XLENGTH(text) != 1) return R_NilValue;
  SEXP value = parse_json(CHAR(STRING_ELT(text, 0)));
  if (value == nullptr) return R_NilValue;
  PROTECT(value);
  SEXP found = PROTECT(Rf_allocVector(VECSXP, 1));
  SET_VECTOR_ELT(found, 0, value);
  UNPROTECT(2);
  return found;
}

// The size in bytes, or a problem.
SEXP put_file(SEXP run, SEXP name, SEXP source) {
  Text run_text, name_text, source_text;
  Problem problem = one_text(run, "run", &run_text);
  if (!problem) problem = one_text(name, "file_name", &name_text);
  if (!problem) problem = one_text(source, "source", &source_text);
  if (!problem) {
    const char* why = refuse_file_name(name_text);
    if (why != nullptr) problem = problem_of("file_name", why);
  }
  if (problem) return as_list(problem);
  std::int64_t size = 0;
  try {
    problem = problem_of(store_file(run_text.data, name_text.data, source_text.data, &size));
  } catch (const std::bad_alloc&) {
    problem = problem_of("size");
  }
  return problem ? as_list(problem) : Rf_ScalarReal(static_cast<double>(size));
}

// The directory of the run that this process is the job of, or NULL: Sys.getenv() takes a third of
// the time of logging a metric.
SEXP job_directory() {
  const char* value = std::getenv("TANDEMLAB_RUN_DIR");
  return value == nullptr || value[0] == '\0' ? R_NilValue : Rf_mkString(value);
}

SEXP check_file_name(SEXP name) {
  Text text;
  Problem problem = one_text(name, "file_name", &text);
  if (!problem) {
    const char* why = refuse_file_name(text);
    if (why != nullptr) problem = problem_of("file_name", why);
  }
  return as_list(problem);
}

SEXP ulid() {
  char id[27];
  return new_ulid(id) ? Rf_mkString(id) : R_NilValue;
}

// A whole double of less than 2^63 as an integer64, which R keeps in the bits of a double.
SEXP as_integer64(SEXP number) {
  const double whole = std::trunc(Rf_asReal(number));
  constexpr double limit = 9223372036854775808.0;
  const std::int64_t value =
      std::fabs(whole) < limit ? static_cast<std::int64_t>(whole) : INT64_MIN;
  double bits;
  std::memcpy(&bits, &value, sizeof bits);
  SEXP result = PROTECT(Rf_ScalarReal(bits));
  SEXP name = PROTECT(Rf_mkString("integer64"));
  Rf_setAttrib(result, R_ClassSymbol, name);
  UNPROTECT(2);
  return result;
}

SEXP error_text(SEXP number) { return Rf_mkString(std::strerror(Rf_asInteger(number))); }

const R_CallMethodDef entries[] = {
    {"log_metric", reinterpret_cast<DL_FUNC>(&log_metric), 5},
    {"log_list", reinterpret_cast<DL_FUNC>(&log_list), 4},
    {"log_row", reinterpret_cast<DL_FUNC>(&log_row), 4},
    {"log_table", reinterpret_cast<DL_FUNC>(&log_table), 4},
    {"log_other", reinterpret_cast<DL_FUNC>(&log_other), 5},
    {"close_writer", reinterpret_cast<DL_FUNC>(&close_writer), 1},
    {"writer_path", reinterpret_cast<DL_FUNC>(&writer_path), 1},
    {"value_text", reinterpret_cast<DL_FUNC>(&value_text), 2},
    {"from_json", reinterpret_cast<DL_FUNC>(&from_json), 1},
    {"worker_start", reinterpret_cast<DL_FUNC>(&worker_start), 3},
    {"worker_receive", reinterpret_cast<DL_FUNC>(&worker_receive), 1},
    {"worker_send", reinterpret_cast<DL_FUNC>(&worker_send), 2},
    {"fork_start", reinterpret_cast<DL_FUNC>(&fork_start), 2},
    {"fork_wait", reinterpret_cast<DL_FUNC>(&fork_wait), 2},
    {"fork_job", reinterpret_cast<DL_FUNC>(&fork_job), 4},
    {"fork_note_end", reinterpret_cast<DL_FUNC>(&fork_note_end), 3},
    {"to_json", reinterpret_cast<DL_FUNC>(&to_json), 1},
    {"put_file", reinterpret_cast<DL_FUNC>(&put_file), 3},
    {"check_file_name", reinterpret_cast<DL_FUNC>(&check_file_name), 1},
    {"job_directory", reinterpret_cast<DL_FUNC>(&job_directory), 0},
    {"ulid", reinterpret_cast<DL_FUNC>(&ulid), 0},
    {"as_integer64", reinterpret_cast<DL_FUNC>(&as_integer64), 1},
    {"error_text", reinterpret_cast<DL_FUNC>(&error_text), 1},
    {"arrow_stream", reinterpret_cast<DL_FUNC>(&arrow_stream), 0},
    {"arrow_address", reinterpret_cast<DL_FUNC>(&arrow_address), 1},
    {"arrow_export", reinterpret_cast<DL_FUNC>(&arrow_export), 2},
    {"arrow_schema", reinterpret_cast<DL_FUNC>(&arrow_schema), 1},
    {"arrow_import", reinterpret_cast<DL_FUNC>(&arrow_import), 2},
    {"arrow_file_format", reinterpret_cast<DL_FUNC>(&arrow_file_format), 1},
    {"arrow_read_file", reinterpret_cast<DL_FUNC>(&arrow_read_file), 2},
    {"arrow_write_file", reinterpret_cast<DL_FUNC>(&arrow_write_file), 4},
    {"arrow_release", reinterpret_cast<DL_FUNC>(&arrow_release), 1},
    {"arrow_slice", reinterpret_cast<DL_FUNC>(&arrow_slice), 3},
    {"arrow_kept", reinterpret_cast<DL_FUNC>(&arrow_kept), 0},
    {nullptr, nullptr, 0}};

}  // namespace
}  // namespace tandemlab

extern "C" attribute_visible void R_init_tandemlab(DllInfo* dll) {
  R_registerRoutines(dll, nullptr, tandemlab::entries, nullptr, nullptr);
  R_useDynamicSymbols(dll, FALSE);
  R_forceSymbols(dll, TRUE);
  tandemlab::register_lazy_strings(dll);
}
