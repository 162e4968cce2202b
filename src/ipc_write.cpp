// Arrow IPC files and streams. Buffers go from where they are straight to the file, and start at
// multiples of 64 bytes there, so that whoever maps the file can use them in place. A message's
// metadata say where its buffers are, and stand before them: room is left, and filled afterwards.

#include "ipc_write.h"

#include <cstring>

#include "ipc_format.h"
#include "ipc_schema.h"

namespace tandemlab::ipc {
namespace {

using flat::Builder;

constexpr std::size_t alignment = 64;

std::size_t padding(std::int64_t size) {
  return (alignment - static_cast<std::size_t>(size) % alignment) % alignment;
}

struct Block {
  std::int64_t at, metadata, body;
};

// A message's metadata: `header` writes what the message is about, at the end of the builder.
template <class Write>
std::vector<unsigned char> metadata_of(Header type, std::int64_t body, Write header) {
  Builder out;
  const std::size_t message =
      out.table({Builder::int64(3, body), Builder::link(2), Builder::int16(0, version_5),
                 Builder::byte(1, static_cast<std::int64_t>(type))});
  out.point_root(message);
  out.point(out.place(message, 2), header(out));
  out.align(8);
  return out.bytes();
}

struct RecordBatch {
  std::int64_t length = 0;
  std::vector<std::int64_t> nodes;    // length and count of missing values of each array
  std::vector<std::int64_t> buffers;  // offset and size of each
};

std::size_t write_batch(Builder& out, const RecordBatch& batch, Codec codec) {
  std::vector<Builder::Field> fields = {Builder::int64(0, batch.length), Builder::link(1),
                                        Builder::link(2)};
  if (codec != Codec::none) fields.push_back(Builder::link(3));
  const std::size_t at = out.table(fields);
  out.point(out.place(at, 1), out.structs(batch.nodes.size() / 2, batch.nodes));
  out.point(out.place(at, 2), out.structs(batch.buffers.size() / 2, batch.buffers));
  if (codec != Codec::none) {
    out.point(out.place(at, 3), out.table({Builder::byte(0, static_cast<std::int64_t>(codec)),
                                           Builder::byte(1, 0)}));
  }
  return at;
}

// The sizes of the buffers of an array that arrow_export.cpp makes.
std::vector<std::int64_t> buffer_sizes(const Layout& layout, const ArrowArray& array) {
  const std::int64_t n = array.length, bits = (n + 7) / 8;
  const std::int64_t validity = array.buffers == nullptr || array.buffers[0] == nullptr ? 0 : bits;
  switch (layout.kind) {
    case Kind::null: return {};
    case Kind::bits: return {validity, bits};
    case Kind::fixed: return {validity, n * layout.width};
    case Kind::list: return {validity, (n + 1) * layout.width};
    case Kind::text: {
      std::int64_t size;
      std::int32_t narrow;
      const char* last = static_cast<const char*>(array.buffers[1]) + n * layout.width;
      std::memcpy(&narrow, last, 4);
      size = narrow;
      if (layout.width == 8) std::memcpy(&size, last, 8);
      return {validity, (n + 1) * layout.width, size};
    }
    case Kind::fixed_list:
    case Kind::structure: return {validity};
    case Kind::views: break;
  }
  throw Refusal("plan", "views");
}

class Writer {
 public:
  Writer(const std::string& path, Codec codec, Interrupted interrupted)
      : file_(path, interrupted), codec_(codec) {}

  void write(bool as_stream, const ArrowSchema& schema, const ArrowArray& array) {
    if (!as_stream) append(std::string(file_magic, magic_size) + std::string(2, '\0'));
    append_metadata(metadata_of(Header::schema, 0, [&](Builder& out) {
      return write_schema(out, schema);
    }));
    for (std::int64_t i = 0; i < schema.n_children; i++) {
      add_dictionaries(*schema.children[i], *array.children[i]);
    }
    batches_.push_back(add_batch(Header::batch, array.length, [&](auto visit) {
      for (std::int64_t i = 0; i < schema.n_children; i++) {
        visit(*schema.children[i], *array.children[i]);
      }
    }));
    append(std::string("\xff\xff\xff\xff\0\0\0\0", 8));
    if (!as_stream) add_footer(schema);
    file_.commit();
  }

 private:
  NewFile file_;
  Codec codec_;
  std::vector<unsigned char> compressed_;
  std::vector<Block> dictionaries_, batches_;

  void append(const std::string& bytes) { file_.append(bytes.data(), bytes.size()); }

  // Behind the metadata a body begins, at a multiple of 64.
  void append_metadata(const std::vector<unsigned char>& metadata) {
    const auto gap = padding(file_.size() + 8 + static_cast<std::int64_t>(metadata.size()));
    const auto size = static_cast<std::uint32_t>(metadata.size() + gap);
    file_.append(&continuation, 4);
    file_.append(&size, 4);
    file_.append(metadata.data(), metadata.size());
    file_.append_zeros(gap);
  }

  // The ids are those of write_schema, since R's dictionaries hold no others.
  void add_dictionaries(const ArrowSchema& schema, const ArrowArray& array) {
    if (schema.dictionary == nullptr) {
      for (std::int64_t i = 0; i < schema.n_children; i++) {
        add_dictionaries(*schema.children[i], *array.children[i]);
      }
      return;
    }
    const auto id = static_cast<std::int64_t>(dictionaries_.size());
    dictionaries_.push_back(add_batch(
        Header::dictionary, array.dictionary->length,
        [&](auto visit) { visit(*schema.dictionary, *array.dictionary); }, id));
  }

  // One message; `columns` calls its argument for each column of it.
  template <class Columns>
  Block add_batch(Header type, std::int64_t length, Columns columns, std::int64_t id = 0) {
    std::int64_t body = 0;
    const auto header = [&](const RecordBatch& batch) {
      return metadata_of(type, body, [&](Builder& out) {
        if (type == Header::batch) return write_batch(out, batch, codec_);
        const std::size_t at = out.table({Builder::int64(0, id), Builder::link(1)});
        out.point(out.place(at, 1), write_batch(out, batch, codec_));
        return at;
      });
    };
    RecordBatch batch;
    batch.length = length;
    columns([&](const ArrowSchema& schema, const ArrowArray& array) {
      describe(schema, array, &batch);
    });
    const std::int64_t at = file_.size();
    append_metadata(header(batch));
    const std::int64_t start = file_.size();
    batch.buffers.clear();
    columns([&](const ArrowSchema& schema, const ArrowArray& array) {
      append_buffers(schema, array, start, &batch);
    });
    body = file_.size() - start;
    const std::vector<unsigned char> metadata = header(batch);
    file_.overwrite(at + 8, metadata.data(), metadata.size());
    return {at, start - at, body};
  }

  // Nodes as they are, and as many buffers as there will be.
  static void describe(const ArrowSchema& schema, const ArrowArray& array, RecordBatch* batch) {
    batch->nodes.push_back(array.length);
    batch->nodes.push_back(array.null_count);
    const std::size_t count = buffer_sizes(layout_of(schema.format), array).size();
    batch->buffers.resize(batch->buffers.size() + 2 * count);
    for (std::int64_t i = 0; i < schema.n_children; i++) {
      describe(*schema.children[i], *array.children[i], batch);
    }
  }

  void append_buffers(const ArrowSchema& schema, const ArrowArray& array, std::int64_t start,
                      RecordBatch* batch) {
    if (array.offset != 0) throw Refusal("plan", "an offset");
    const std::vector<std::int64_t> sizes = buffer_sizes(layout_of(schema.format), array);
    for (std::size_t i = 0; i < sizes.size(); i++) {
      const std::int64_t at = file_.size();
      append_buffer(array.buffers[i], static_cast<std::size_t>(sizes[i]));
      batch->buffers.push_back(at - start);
      batch->buffers.push_back(file_.size() - at);
      file_.append_zeros(padding(file_.size()));
    }
    for (std::int64_t i = 0; i < schema.n_children; i++) {
      append_buffers(*schema.children[i], *array.children[i], start, batch);
    }
  }

  // A compressed buffer begins with its size; with -1 if it would not have become smaller.
  void append_buffer(const void* bytes, std::size_t size) {
    if (codec_ == Codec::none || size == 0) return file_.append(bytes, size);
    compress(codec_, bytes, size, &compressed_);
    const bool smaller = compressed_.size() < size;
    const std::int64_t prefix = smaller ? static_cast<std::int64_t>(size) : -1;
    file_.append(&prefix, 8);
    if (smaller) return file_.append(compressed_.data(), compressed_.size());
    file_.append(bytes, size);
  }

  void add_footer(const ArrowSchema& schema) {
    Builder out;
    const std::size_t footer = out.table({Builder::link(1), Builder::link(2), Builder::link(3),
                                          Builder::int16(0, version_5)});
    out.point_root(footer);
    out.point(out.place(footer, 1), write_schema(out, schema));
    out.point(out.place(footer, 2), write_blocks(out, dictionaries_));
    out.point(out.place(footer, 3), write_blocks(out, batches_));
    const auto size = static_cast<std::uint32_t>(out.bytes().size());
    file_.append(out.bytes().data(), size);
    file_.append(&size, 4);
    file_.append(file_magic, magic_size);
  }

  static std::size_t write_blocks(Builder& out, const std::vector<Block>& blocks) {
    std::vector<std::int64_t> numbers;
    for (const Block& block : blocks) {
      numbers.insert(numbers.end(), {block.at, block.metadata, block.body});
    }
    return out.structs(blocks.size(), numbers);
  }
};

}  // namespace

void write_file(const std::string& path, bool as_stream, const ArrowSchema& schema,
                const ArrowArray& array, Codec codec, Interrupted interrupted) {
  need_codec(codec);
  Writer(path, codec, interrupted).write(as_stream, schema, array);
}

}  // namespace tandemlab::ipc
