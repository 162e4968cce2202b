#ifndef TANDEMLAB_ARROW_BUFFERS_H
#define TANDEMLAB_ARROW_BUFFERS_H

#include <cstdint>
#include <cstring>

// How values lie in Arrow's buffers. Nothing here is R's.
namespace tandemlab {

// Buffers need not be aligned.
template <class T>
T load(const void* values, std::int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(values) + i * static_cast<std::int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

inline bool bit(const void* bits, std::int64_t i) {
  return (static_cast<const unsigned char*>(bits)[i >> 3] >> (i & 7) & 1) != 0;
}

// A bitmap may be absent when nothing is missing.
inline bool present(const void* bits, std::int64_t i) { return bits == nullptr || bit(bits, i); }

// Calls visit(i) for each position. Compilers do a fixed number of simple ones many at a time.
template <class Visit>
void each_of(std::int64_t start, std::int64_t end, Visit visit) {
  constexpr std::int64_t together = 64;
  std::int64_t i = start;
  for (; i + together <= end; i += together) {
    for (std::int64_t j = 0; j < together; j++) visit(i + j);
  }
  for (; i < end; i++) visit(i);
}

// Whether `length` + 1 offsets never fall, from at least 0 on; `first` and `last` are the outer ones.
template <class Offset>
bool in_order(const void* offsets, std::int64_t at, std::int64_t length, Offset* first,
              Offset* last) {
  *first = load<Offset>(offsets, at);
  Offset before = *first;
  bool good = before >= 0;
  for (std::int64_t i = 1; i <= length; i++) {
    const Offset here = load<Offset>(offsets, at + i);
    good &= here >= before;
    before = here;
  }
  *last = before;
  return good;
}

}  // namespace tandemlab

#endif
