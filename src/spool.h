#ifndef TANDEMLAB_SPOOL_H
#define TANDEMLAB_SPOOL_H

#include <cstddef>
#include <string>

namespace tandemlab {

// What the events under one metric name add up to; `none` for tags, files and the like.
enum class Shape : unsigned char {
  none,
  series,
  table,
  image,
  confusion_matrix,
  accuracy_table,
  residuals,
  predictions
};

// The shape that a kind of event belongs to.
Shape shape_of(const char* kind);
const char* name_of(Shape shape);

// Bytes that must be free in front of the line given to `append`, for "seq" and "time".
constexpr std::size_t head_room = 96;

struct Outcome {
  const char* operation = nullptr;  // what the kernel refused; null: nothing
  int error = 0;                    // its errno
  Shape clash = Shape::none;        // the shape that this process gave the name before
};

// Appends one event to this process's file in RUN/spool by one write(2).
//
// `line` points behind `head_room` writable bytes; it holds `size` bytes that begin with
// "\"kind\":" and end with "}\n". The file is opened by the first event; a forked child opens one
// of its own. When the kernel does not take the whole line the file is cut back to its former
// length. Calls no R API. Main thread only.
Outcome append(const char* run, Shape shape, const char* name, std::size_t name_size, char* line,
               std::size_t size);

// Closes the file of a run, if it is open.
void close_spool(const char* run);

// This process's spool file of a run; empty if it has none.
std::string spool_path(const char* run);

}  // namespace tandemlab

#endif
