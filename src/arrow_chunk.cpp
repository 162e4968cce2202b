#include "arrow_chunk.h"

namespace tandemlab {

const char* refuse_array(const ArrowArray* array, std::int64_t start, std::int64_t length) {
  std::int64_t end;
  if (array == nullptr || array->release == nullptr) return "an array is missing";
  if (array->length < 0) return "a length is negative";
  if (array->offset < 0) return "an offset is negative";
  if (array->null_count < -1) return "a count of missing values is negative";
  if (start < 0 || length < 0) return "a position is negative";
  if (__builtin_add_overflow(start, length, &end) || end > array->length) {
    return "an array is shorter than it must be";
  }
  if (__builtin_add_overflow(array->offset, array->length, &end)) return "an offset is too large";
  if (end > (INT64_C(1) << 56)) return "a length is too large";
  if (array->n_buffers < 0 || (array->n_buffers > 0 && array->buffers == nullptr)) {
    return "its buffers are missing";
  }
  if (array->n_children < 0 || (array->n_children > 0 && array->children == nullptr)) {
    return "its children are missing";
  }
  return nullptr;
}

bool check_buffers(const Column& column, std::int64_t count, Source from) {
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    const Chunk& chunk = column.chunks[c];
    if (chunk.array->n_buffers != count) return from.damaged("the number of buffers is wrong");
    if (count > 1 && chunk.length > 0 && buffer(chunk, 1) == nullptr) {
      return from.damaged("a buffer is missing");
    }
  }
  return true;
}

bool check_views(const Column& column, Source from) {
  for (std::int64_t c = 0; c < column.n_chunks; c++) {
    const Chunk& chunk = column.chunks[c];
    if (chunk.array->n_buffers < 3 || chunk.array->n_buffers > INT32_MAX) {
      return from.damaged("the number of buffers is wrong");
    }
    if (chunk.length > 0 && buffer(chunk, 1) == nullptr) return from.damaged("a buffer is missing");
  }
  return true;
}

const char* viewed(const ArrowArray* array, std::int64_t at, std::int64_t* size) {
  const char* view = static_cast<const char*>(array->buffers[1]) + at * 16;
  const std::int32_t length = load<std::int32_t>(view, 0);
  *size = length;
  if (length < 0) return nullptr;
  if (length <= 12) return view + 4;
  const std::int32_t which = load<std::int32_t>(view, 2), start = load<std::int32_t>(view, 3);
  const std::int64_t n_data = array->n_buffers - 3;
  if (which < 0 || which >= n_data || start < 0) return nullptr;
  const void* sizes = array->buffers[array->n_buffers - 1];
  const char* bytes = static_cast<const char*>(array->buffers[2 + which]);
  if (sizes == nullptr || bytes == nullptr) return nullptr;
  const std::int64_t there = load<std::int64_t>(sizes, which);
  return static_cast<std::int64_t>(start) + length <= there ? bytes + start : nullptr;
}

}  // namespace tandemlab
