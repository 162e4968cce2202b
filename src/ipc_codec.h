#ifndef TANDEMLAB_IPC_CODEC_H
#define TANDEMLAB_IPC_CODEC_H

#include <cstddef>
#include <memory>
#include <vector>

namespace tandemlab::ipc {

// The codecs of Arrow's IPC format, with its numbers. Each is there when the package was built
// beside its library.
enum class Codec : signed char { none = -1, lz4 = 0, zstd = 1 };

// Throws the reason "file_codec" where it is not.
void need_codec(Codec codec);

// Replaces `out`.
void compress(Codec codec, const void* bytes, std::size_t size, std::vector<unsigned char>* out);

// The first `wanted` bytes of what was compressed; throws if there are fewer. `wanted` > 0.
std::shared_ptr<void> decompress(Codec codec, const void* bytes, std::size_t size,
                                 std::size_t wanted);

}  // namespace tandemlab::ipc

#endif
