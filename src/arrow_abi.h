#ifndef TANDEMLAB_ARROW_ABI_H
#define TANDEMLAB_ARROW_ABI_H

#include <cstdint>

// The Arrow C data and C stream interfaces, with the names of the specification:
// https://arrow.apache.org/docs/format/CDataInterface.html
extern "C" {

constexpr std::int64_t ARROW_FLAG_DICTIONARY_ORDERED = 1;
constexpr std::int64_t ARROW_FLAG_NULLABLE = 2;

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

}  // extern "C"

#endif
