#ifndef TANDEMLAB_FORK_H
#define TANDEMLAB_FORK_H

#define R_NO_REMAP
#include <Rinternals.h>

namespace tandemlab {

// The native part of R/fork-server.R: an R that is forked for each job. Texts go as in worker.h.

// Keeps the pipes from other programs, and has the end of a job be noticed.
SEXP fork_start(SEXP requests, SEXP answers);

// Waits for a request, which is there when it is TRUE; meanwhile keeps how jobs have ended that
// did not say so. FALSE once all have ended, if there will be no more requests.
SEXP fork_wait(SEXP requests, SEXP closed);

// Forks; the pid in the parent, and 0 in the job, which has a session of its own, has claimed its
// run and writes to its log. A job that was started before ends at once.
SEXP fork_job(SEXP place, SEXP wake, SEXP requests, SEXP answers);

// Keeps how this job ends, if the R that it was forked from cannot.
SEXP fork_note_end(SEXP place, SEXP wake, SEXP status);

}  // namespace tandemlab

#endif
