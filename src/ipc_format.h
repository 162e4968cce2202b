#ifndef TANDEMLAB_IPC_FORMAT_H
#define TANDEMLAB_IPC_FORMAT_H

#include <cstdint>

// What both ends of https://arrow.apache.org/docs/format/Columnar.html#format-ipc must agree on.
namespace tandemlab::ipc {

constexpr char file_magic[] = "ARROW1";  // at both ends; 2 bytes more at the first
constexpr std::size_t magic_size = 6;

constexpr std::uint32_t continuation = 0xffffffff;  // before the size of a message's metadata

enum class Header : std::uint8_t { schema = 1, dictionary = 2, batch = 3 };

// Versions of the metadata, as the enumeration numbers them.
constexpr std::int16_t version_4 = 3, version_5 = 4;

}  // namespace tandemlab::ipc

#endif
