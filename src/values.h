#ifndef TANDEMLAB_VALUES_H
#define TANDEMLAB_VALUES_H

#include "buffer.h"
#include "problem.h"

namespace tandemlab {

// A value in the form that tandemlab.bridge.values specifies. With `scalars` every vector is one
// scalar, and another length is refused; else every vector is a vector, whatever its length.
// `notice` learns what has no place in Python. Calls R's API, which may leave by longjmp.
Problem put_value(Buffer* out, SEXP x, bool scalars);

// What the last put_value() dropped or refused: where, as R code behind the value ("$a[[2]]"),
// the name of the first attribute that was dropped, and whether dates lost a time of day.
struct Notice {
  char place[512];
  char attribute[128];
  bool fraction;
};
const Notice& last_notice();

}  // namespace tandemlab

#endif
