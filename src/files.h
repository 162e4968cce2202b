#ifndef TANDEMLAB_FILES_H
#define TANDEMLAB_FILES_H

#include <cstdint>

#include "spool.h"

namespace tandemlab {

// Copies the file `source` to RUN/files/NAME: under a temporary name in WORKSPACE/tmp first, then
// linked to its own name, which must be free (else the outcome's error is EEXIST). `name` must have
// been checked. `size` receives the bytes copied. Calls no R API.
Outcome store_file(const char* run, const char* name, const char* source, std::int64_t* size);

// 26 characters of Crockford's base 32 in lower case: 48 bits of milliseconds, 80 of chance, as in
// the ULID specification. Later ids of a process are greater. `id` has room for 27 bytes.
bool new_ulid(char* id);

}  // namespace tandemlab

#endif
