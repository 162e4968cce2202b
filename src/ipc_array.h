#ifndef TANDEMLAB_IPC_ARRAY_H
#define TANDEMLAB_IPC_ARRAY_H

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "arrow_abi.h"
#include "ipc_codec.h"
#include "ipc_schema.h"

namespace tandemlab::ipc {

// An array whose buffers have been found long enough for it. They lie in the file, or in `owned`.
struct Array {
  std::int64_t length = 0;
  std::int64_t null_count = 0;
  bool in_file = false;  // whether a buffer is
  std::vector<const void*> buffers;
  std::vector<std::shared_ptr<void>> owned;
  std::vector<std::shared_ptr<const Array>> children;
  std::shared_ptr<const Array> dictionary;
};

using Shared = std::shared_ptr<const Array>;

// The dictionary of a field as it is now; null if there is none.
using FindDictionary = std::function<Shared(const Field&)>;

// The array of a RecordBatch message: a structure of the columns. `body` must outlive it, but for
// columns of text where `text_stays`.
Shared read_batch(const std::vector<const Field*>& columns, const flat::Table& batch,
                  flat::Span body, const FindDictionary& dictionary, bool text_stays);

// One after another: a dictionary that came in parts.
Shared join(const Field& field, const std::vector<Shared>& parts);

// No elements, but dictionaries where they are known.
Shared empty_array(const Field& field, const FindDictionary& dictionary);

// For the C interface. `file` lives as long as arrays that lie in it. `out` holds nothing yet.
void export_array(const Shared& array, const std::shared_ptr<const void>& file, ArrowArray* out);

}  // namespace tandemlab::ipc

#endif
