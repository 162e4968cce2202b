#ifndef TANDEMLAB_ARROW_RECEIVE_H
#define TANDEMLAB_ARROW_RECEIVE_H

#include "arrow_chunk.h"
#include "arrow_stream.h"

// What a producer's stream holds, taken by its consumer. R's thread. Everything that is taken hangs
// from the stream's external pointer.
namespace tandemlab {

// Asks for the schema, once. False and a problem if the stream is dead or refuses.
bool open_schema(Stream* owned, Source from);

// Takes every batch that the stream still has.
bool take_batches(Stream* owned, Source from);

// The batches as one column of type struct. The chunks are in R_alloc's memory.
bool join_batches(Stream* owned, Column* whole, Source from);

// Lets go of everything that was taken, except what vectors have taken from it.
void close_stream(Stream* owned);

// A field as list(format, name, tag, extension, ordered, children, dictionary), or null and a
// problem.
SEXP describe(const ArrowSchema* schema, Report* report);

}  // namespace tandemlab

#endif
