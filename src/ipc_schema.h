#ifndef TANDEMLAB_IPC_SCHEMA_H
#define TANDEMLAB_IPC_SCHEMA_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow_abi.h"
#include "flatbuffer.h"

namespace tandemlab::ipc {

// How the elements of a type lie in its buffers.
enum class Kind {
  null,        // no buffers
  bits,        // bitmap, bits
  fixed,       // bitmap, elements of `width` bytes
  text,        // bitmap, offsets of `width` bytes, bytes
  views,       // bitmap, views of 16 bytes, any number of buffers
  list,        // bitmap, offsets of `width` bytes; one child
  fixed_list,  // bitmap; one child with `width` elements for each
  structure    // bitmap; children
};

struct Layout {
  Kind kind = Kind::null;
  std::int64_t width = 0;
};

// Of a format of the C interface. Throws the reason "type" for one that has none here.
Layout layout_of(const char* format);

struct Field {
  std::string name;
  std::string format;      // of the C interface; that of the codes for a dictionary
  std::string metadata;    // in the encoding of the C interface; empty: none
  std::int64_t flags = 0;
  Layout layout;
  std::vector<Field> children;
  std::unique_ptr<Field> values;  // what a dictionary holds
  std::int64_t dictionary = 0;    // its id
};

// The schema of a message as the field "+s".
Field read_schema(const flat::Table& schema);

// The same for the C interface; `out` holds nothing yet.
void export_schema(const Field& field, ArrowSchema* out);

// Writes a schema of the C interface. Dictionaries are numbered as they come, from 0.
std::size_t write_schema(flat::Builder& out, const ArrowSchema& schema);

}  // namespace tandemlab::ipc

#endif
