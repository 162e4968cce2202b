#ifndef TANDEMLAB_BUFFER_H
#define TANDEMLAB_BUFFER_H

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace tandemlab {

// Bytes that grow. Deliberately without a destructor: R may leave any call by longjmp, so the
// one buffer of the process is a static object that is reused, never a local one.
struct Buffer {
  char* data = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;
  bool out_of_memory = false;

  bool reserve(std::size_t more) {
    if (capacity - size >= more) return true;
    std::size_t wanted = capacity == 0 ? 4096 : capacity;
    while (wanted - size < more) {
      if (wanted > static_cast<std::size_t>(-1) / 2) return fail();
      wanted *= 2;
    }
    char* grown = static_cast<char*>(std::realloc(data, wanted));
    if (grown == nullptr) return fail();
    data = grown;
    capacity = wanted;
    return true;
  }

  void put(char byte) {
    if (reserve(1)) data[size++] = byte;
  }

  void put(const char* bytes, std::size_t count) {
    if (!reserve(count)) return;
    std::memcpy(data + size, bytes, count);
    size += count;
  }

  template <std::size_t N>
  void put(const char (&literal)[N]) {
    put(literal, N - 1);
  }

  // Empty again, with `room` bytes left free in front. Memory of a rare giant is given back.
  void restart(std::size_t room) {
    constexpr std::size_t kept = 1 << 20;
    if (capacity > kept) {
      std::free(data);
      data = nullptr;
      capacity = 0;
    }
    size = 0;
    out_of_memory = false;
    if (reserve(room)) size = room;
  }

 private:
  bool fail() {
    out_of_memory = true;
    return false;
  }
};

}  // namespace tandemlab

#endif
