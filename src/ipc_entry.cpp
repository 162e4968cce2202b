// Where R's world and that of the files meet: here R is called, behind it C++ may throw, and never
// both at once.

#include <R.h>
#include <R_ext/Utils.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "arrow_entry.h"
#include "arrow_keep.h"
#include "arrow_stream.h"
#include "ipc_read.h"
#include "ipc_write.h"

namespace tandemlab {
namespace {

void check_interrupt(void*) { R_CheckUserInterrupt(); }

bool interrupted() { return R_ToplevelExec(check_interrupt, nullptr) == FALSE; }

// Whether `work` came to its end; if not, the report says why. `work` calls no R API that jumps.
template <class Work>
bool done(Report* report, Work work) {
  try {
    work();
    return true;
  } catch (const Refusal& refusal) {
    report->problem(refusal.reason, 0, refusal.detail.c_str());
    std::snprintf(report->where, sizeof report->where, "%s", refusal.where.c_str());
  } catch (const std::bad_alloc&) {
    report->problem("memory");
  }
  return false;
}

// The schema and the one batch of a stream of arrow_export(); they belong to its pointer.
bool take_frame(Stream* owned, Report* report) {
  if (owned == nullptr || owned->stream.release == nullptr || owned->n_batches > 0) {
    return report->problem("dead");
  }
  owned->batches = static_cast<ArrowArray*>(std::calloc(1, sizeof(ArrowArray)));
  if (owned->batches == nullptr || owned->stream.get_schema(&owned->stream, &owned->schema) != 0) {
    return report->problem("memory");
  }
  owned->n_batches = 1;
  return owned->stream.get_next(&owned->stream, owned->batches) == 0 || report->problem("memory");
}

}  // namespace

SEXP arrow_file_format(SEXP path) {
  SEXP notices = PROTECT(Rf_cons(R_NilValue, R_NilValue));
  Report report(notices);
  const char* name = Rf_translateChar(STRING_ELT(path, 0));
  const char* format = "arrow";
  done(&report, [&] {
    if (ipc::format_of_file(name) == ipc::FileFormat::parquet) format = "parquet";
  });
  SEXP answer = report.as_list(Rf_mkString(format));
  UNPROTECT(1);
  return answer;
}

SEXP arrow_read_file(SEXP path, SEXP lazy) {
  empty_queue();
  SEXP pointer = PROTECT(new_stream());
  SEXP notices = PROTECT(Rf_cons(R_NilValue, R_NilValue));
  Report report(notices);
  const char* name = Rf_translateChar(STRING_ELT(path, 0));
  Stream* owned = stream_of(pointer);
  const bool text_stays = Rf_asLogical(lazy) == TRUE;
  bool ended = true;
  if (done(&report, [&] { ended = ipc::read_file(name, text_stays, &owned->stream); }) && !ended) {
    report.notice("unended", 0);
  }
  SEXP answer = report.as_list(pointer);
  UNPROTECT(2);
  return answer;
}

SEXP arrow_write_file(SEXP pointer, SEXP path, SEXP as_stream, SEXP codec) {
  SEXP notices = PROTECT(Rf_cons(R_NilValue, R_NilValue));
  Report report(notices);
  const char* name = Rf_translateChar(STRING_ELT(path, 0));
  const bool without_footer = Rf_asLogical(as_stream) == TRUE;
  const auto chosen = static_cast<ipc::Codec>(Rf_asInteger(codec));
  Stream* owned = stream_of(pointer);
  if (take_frame(owned, &report)) {
    done(&report, [&] {
      ipc::write_file(name, without_footer, owned->schema, *owned->batches, chosen, interrupted);
    });
  }
  SEXP answer = report.as_list(R_NilValue);
  UNPROTECT(1);
  return answer;
}

}  // namespace tandemlab
