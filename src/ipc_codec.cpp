#include "ipc_codec.h"

#include <cstdlib>

#include "ipc_refusal.h"

#ifdef TANDEMLAB_LZ4
#include <lz4frame.h>
#endif
#ifdef TANDEMLAB_ZSTD
#include <zstd.h>
#endif

namespace tandemlab::ipc {
namespace {

[[noreturn, maybe_unused]] void broken() { damaged("a compressed buffer cannot be read"); }

// The most bytes that each codec can make of `size`: no claim beyond it can be honest, and none is
// paid for with memory.
std::size_t most(Codec codec, std::size_t size) {
  const std::size_t ratio = codec == Codec::lz4 ? 256 : 32768;
  return size > static_cast<std::size_t>(-1) / 2 / ratio ? static_cast<std::size_t>(-1)
                                                         : size * ratio + (1 << 17);
}

#ifdef TANDEMLAB_LZ4

void compress_lz4(const void* bytes, std::size_t size, std::vector<unsigned char>* out) {
  out->resize(LZ4F_compressFrameBound(size, nullptr));
  const std::size_t count = LZ4F_compressFrame(out->data(), out->size(), bytes, size, nullptr);
  if (LZ4F_isError(count)) throw Refusal("memory");
  out->resize(count);
}

void decompress_lz4(const unsigned char* from, std::size_t size, unsigned char* to,
                    std::size_t wanted) {
  LZ4F_dctx* made = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION))) throw Refusal("memory");
  const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> context(
      made, LZ4F_freeDecompressionContext);
  std::size_t used = 0, done = 0;
  while (done < wanted) {
    std::size_t taken = size - used, given = wanted - done;
    const std::size_t more =
        LZ4F_decompress(context.get(), to + done, &given, from + used, &taken, nullptr);
    if (LZ4F_isError(more) || (taken == 0 && given == 0)) broken();
    used += taken;
    done += given;
  }
}

#endif
#ifdef TANDEMLAB_ZSTD

void compress_zstd(const void* bytes, std::size_t size, std::vector<unsigned char>* out) {
  out->resize(ZSTD_compressBound(size));
  const std::size_t count = ZSTD_compress(out->data(), out->size(), bytes, size, 1);
  if (ZSTD_isError(count)) throw Refusal("memory");
  out->resize(count);
}

void decompress_zstd(const unsigned char* from, std::size_t size, unsigned char* to,
                     std::size_t wanted) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                       ZSTD_freeDCtx);
  if (context == nullptr) throw Refusal("memory");
  ZSTD_inBuffer input = {from, size, 0};
  ZSTD_outBuffer output = {to, wanted, 0};
  while (output.pos < wanted) {
    const std::size_t used = input.pos, done = output.pos;
    if (ZSTD_isError(ZSTD_decompressStream(context.get(), &output, &input))) broken();
    if (input.pos == used && output.pos == done) broken();
  }
}

#endif

}  // namespace

void need_codec(Codec codec) {
#ifndef TANDEMLAB_LZ4
  if (codec == Codec::lz4) throw Refusal("file_codec", "LZ4");
#endif
#ifndef TANDEMLAB_ZSTD
  if (codec == Codec::zstd) throw Refusal("file_codec", "Zstandard");
#endif
  (void)codec;
}

void compress(Codec codec, const void* bytes, std::size_t size, std::vector<unsigned char>* out) {
  need_codec(codec);
#ifdef TANDEMLAB_LZ4
  if (codec == Codec::lz4) compress_lz4(bytes, size, out);
#endif
#ifdef TANDEMLAB_ZSTD
  if (codec == Codec::zstd) compress_zstd(bytes, size, out);
#endif
  (void)bytes, (void)size, (void)out;
}

std::shared_ptr<void> decompress(Codec codec, const void* bytes, std::size_t size,
                                 std::size_t wanted) {
  need_codec(codec);
  if (wanted > most(codec, size)) damaged("a compressed buffer claims more than it can hold");
  auto* to = static_cast<unsigned char*>(std::malloc(wanted));
  if (to == nullptr) throw Refusal("memory");
  std::shared_ptr<void> out(to, std::free);
  const auto* from = static_cast<const unsigned char*>(bytes);
#ifdef TANDEMLAB_LZ4
  if (codec == Codec::lz4) decompress_lz4(from, size, to, wanted);
#endif
#ifdef TANDEMLAB_ZSTD
  if (codec == Codec::zstd) decompress_zstd(from, size, to, wanted);
#endif
  (void)from, (void)to;
  return out;
}

}  // namespace tandemlab::ipc
