#include "names.h"

namespace tandemlab {

namespace {

constexpr std::size_t longest_name = 250;   // characters
constexpr std::size_t longest_path = 1024;  // bytes
constexpr std::size_t longest_part = 255;   // bytes

// The next character of valid UTF-8.
unsigned next(const Text& text, std::size_t* at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text.data[i]); };
  const unsigned lead = byte(*at);
  const unsigned more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  unsigned character = more == 0 ? lead : lead & (0x3Fu >> more);
  for (unsigned k = 1; k <= more; ++k) character = character << 6 | (byte(*at + k) & 0x3Fu);
  *at += more + 1;
  return character;
}

bool is_control(unsigned c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

// White space in the sense of Python's str.strip, less the control characters.
bool is_space(unsigned c) {
  return c == 0x20 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool has_control(const Text& text) {
  for (std::size_t at = 0; at < text.size;) {
    if (is_control(next(text, &at))) return true;
  }
  return false;
}

const char* refuse_part(const char* part, std::size_t size) {
  if (size == 0) return "it has an empty part";
  if (size == 1 && part[0] == '.') return "it has the part '.'";
  if (size == 2 && part[0] == '.' && part[1] == '.') return "it has the part '..'";
  if (size > longest_part) return "a part of it takes more than 255 bytes";
  return nullptr;
}

}  // namespace

const char* refuse_metric_name(const Text& name) {
  std::size_t characters = 0;
  bool blank = true;
  for (std::size_t at = 0; at < name.size; ++characters) {
    const unsigned c = next(name, &at);
    if (is_control(c)) return "it has a control character";
    blank = blank && is_space(c);
  }
  if (blank) return "it is empty";
  if (characters > longest_name) return "it has more than 250 characters";
  return nullptr;
}

const char* refuse_file_name(const Text& name) {
  if (name.size > 0 && name.data[0] == '/') return "it is absolute";
  if (name.size > longest_path) return "it takes more than 1024 bytes";
  if (has_control(name)) return "it has a control character";
  if (std::memchr(name.data, '\\', name.size) != nullptr) return "it has a backslash";
  std::size_t start = 0;
  while (true) {
    const void* slash = std::memchr(name.data + start, '/', name.size - start);
    const std::size_t end =
        slash == nullptr
            ? name.size
            : static_cast<std::size_t>(static_cast<const char*>(slash) - name.data);
    if (const char* why = refuse_part(name.data + start, end - start)) return why;
    if (slash == nullptr) return nullptr;
    start = end + 1;
  }
}

}  // namespace tandemlab
