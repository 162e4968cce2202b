#ifndef TANDEMLAB_IPC_WRITE_H
#define TANDEMLAB_IPC_WRITE_H

#include <string>

#include "arrow_abi.h"
#include "ipc_codec.h"
#include "ipc_file.h"

namespace tandemlab::ipc {

// Writes one batch as an Arrow IPC file, or as a stream: under another name first, so that `path`
// is there whole or as it was. The array must be one of arrow_export.cpp's, which has no offsets.
// Throws Refusal and std::bad_alloc.
void write_file(const std::string& path, bool as_stream, const ArrowSchema& schema,
                const ArrowArray& array, Codec codec, Interrupted interrupted);

}  // namespace tandemlab::ipc

#endif
