#ifndef TANDEMLAB_IPC_READ_H
#define TANDEMLAB_IPC_READ_H

#include <string>

#include "arrow_abi.h"

namespace tandemlab::ipc {

enum class FileFormat { file, stream, parquet };

// What a file is, by its first bytes. Throws Refusal if it is something else, or no file.
FileFormat format_of_file(const std::string& path);

// Reads an Arrow IPC file or stream from a disk, whole, and checks it; `out` then delivers it by
// the C interface. `text_stays`: columns of text may be needed longer than the file stays what it
// is, and are copied. False if a stream has no mark at its end. Throws Refusal and std::bad_alloc.
bool read_file(const std::string& path, bool text_stays, ArrowArrayStream* out);

}  // namespace tandemlab::ipc

#endif
