#ifndef TANDEMLAB_JSON_PARSE_H
#define TANDEMLAB_JSON_PARSE_H

#define R_NO_REMAP
#include <Rinternals.h>

namespace tandemlab {

// JSON as R values, doubles to the bit: objects are named lists, arrays lists, null is NULL, and a
// number without point or exponent is an integer where it fits. Behind a key
// without a leading `$`, an array of scalars of one kind is an atomic vector with NA for null; its
// numbers are doubles. NULL (the pointer) if the text is no JSON. Calls R's API throughout.
SEXP parse_json(const char* text);

}  // namespace tandemlab

#endif
