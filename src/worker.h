#ifndef TANDEMLAB_WORKER_H
#define TANDEMLAB_WORKER_H

#define R_NO_REMAP
#include <Rinternals.h>

namespace tandemlab {

// The worker's side of the channel to Python: two inherited pipes. A text is sent as its length in
// four bytes, lowest first, and its bytes.

// Keeps the pipes from programs that R starts, and watches over the parent: when it is gone, R is
// interrupted, and two seconds later its process group is killed. TRUE when all is well.
SEXP worker_start(SEXP input, SEXP output, SEXP parent);

// The next text, or NULL when Python has closed the pipe or sends what is none.
SEXP worker_receive(SEXP input);

// Sends a text, after all that was printed; FALSE when nobody reads.
SEXP worker_send(SEXP output, SEXP text);

}  // namespace tandemlab

#endif
