#ifndef TANDEMLAB_ARROW_KEEP_H
#define TANDEMLAB_ARROW_KEEP_H

#define R_NO_REMAP
#include <Rinternals.h>

#include <cstdint>

namespace tandemlab {

struct Keep;

// Protects `x` from R's garbage collector while Python reads its memory. R's thread only; may
// raise an R error. Null when memory is exhausted.
Keep* keep(SEXP x);

// Gives the object back. Any thread, at any time: it only joins a queue that R's thread empties.
void give_back(Keep* kept);

// Lets go of what was given back. R's thread only. Called on every crossing and after every
// garbage collection, so that an idle R holds nothing for long.
void empty_queue();

// Objects that Python still reads, or that wait in the queue.
std::int64_t kept_objects();

}  // namespace tandemlab

#endif
