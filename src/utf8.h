#ifndef TANDEMLAB_UTF8_H
#define TANDEMLAB_UTF8_H

#include <cstdint>
#include <cstring>

namespace tandemlab {

inline bool is_ascii(const char* text, std::int64_t size) {
  std::uint64_t all = 0;
  std::int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text + i, 8);
    all |= word;
  }
  for (; i < size; i++) all |= static_cast<unsigned char>(text[i]);
  return (all & 0x8080808080808080u) == 0;
}

// Position of the first character that is not well-formed UTF-8, or `size`: an overlong form, a
// surrogate, something above U+10FFFF.
inline std::int64_t first_invalid(const char* text, std::int64_t size) {
  const unsigned char* p = reinterpret_cast<const unsigned char*>(text);
  const unsigned char* end = p + size;
  while (p < end) {
    while (end - p >= 8) {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      if ((word & 0x8080808080808080u) != 0) break;
      p += 8;
    }
    if (p == end) break;
    const std::int64_t at = reinterpret_cast<const char*>(p) - text;
    unsigned char first = *p++;
    if (first < 0x80) continue;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - p < more) return at;
    unsigned char low = 0x80, high = 0xbf;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    if (*p < low || *p > high) return at;
    for (int i = 1; i < more; i++) {
      if ((p[i] & 0xc0) != 0x80) return at;
    }
    p += more;
  }
  return size;
}

inline bool is_utf8(const char* text, std::int64_t size) {
  return first_invalid(text, size) == size;
}

inline bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace tandemlab

#endif
