// Arrow IPC files and streams: messages one after another, each a flatbuffer and the buffers that
// it speaks of. A file has a footer that says where they are. The whole is read at once, so that
// what is wrong is said before anybody reads a value.

#include "ipc_read.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "ipc_array.h"
#include "ipc_file.h"
#include "ipc_format.h"
#include "ipc_schema.h"

namespace tandemlab::ipc {
namespace {

using flat::Span;
using flat::Table;

// Messages ----------------------------------------------------------------------------------------

struct Message {
  Header type;
  Table header;
  Span body;
  std::size_t end;  // where the next one begins
};

Span part_of(Span all, std::size_t at, std::size_t size) {
  if (!all.holds(at, size)) throw Refusal("file_cut");
  return {all.data + at, size};
}

// The size of the metadata at `at`, which moves behind it; 0 at the end of a stream.
std::size_t metadata_size(Span all, std::size_t* at) {
  auto size = part_of(all, *at, 4).load<std::uint32_t>(0);
  *at += 4;
  if (size == continuation) {  // before Arrow 0.15 there was none
    size = part_of(all, *at, 4).load<std::uint32_t>(0);
    *at += 4;
  }
  return size;
}

Message read_message(Span all, std::size_t at, std::size_t size) {
  const Span metadata = part_of(all, at, size);
  const Table message = Table::root(metadata);
  const auto version = message.get<std::int16_t>(0, 0);
  if (version != version_4 && version != version_5) throw Refusal("file_version");
  const auto length = message.get<std::int64_t>(3, 0);
  if (length < 0 || !message.has(2)) damaged("a message is not well formed");
  const Span body = part_of(all, at + size, static_cast<std::size_t>(length));
  return {static_cast<Header>(message.get<std::uint8_t>(1, 0)), message.table(2), body,
          at + size + body.size};
}

// Dictionaries ------------------------------------------------------------------------------------

// What has come of the dictionaries so far. They are read when a batch needs them, once for each
// field: two fields that share an id need not agree on its type.
class Dictionaries {
 public:
  bool text_stays = false;  // text of categories is copied

  void add(const Message& message, bool may_replace) {
    const auto id = message.header.get<std::int64_t>(0, 0);
    if (!message.header.has(1)) damaged("a dictionary is empty");
    Parts& known = parts_[id];
    if (message.header.get<std::uint8_t>(2, 0) == 0) {
      if (!known.messages.empty() && !may_replace) damaged("a dictionary is there twice");
      known.messages.clear();
    }
    known.messages.push_back({message.header.table(1), message.body});
    known.version++;
  }

  Shared find(const Field& field) {
    const auto found = parts_.find(field.dictionary);
    if (found == parts_.end()) return nullptr;
    Read& read = read_[&field];
    if (read.version != found->second.version) {
      read = {found->second.version, read_parts(*field.values, found->second)};
    }
    return read.values;
  }

  FindDictionary finder() {
    return [this](const Field& field) { return find(field); };
  }

 private:
  struct Part {
    Table batch;
    Span body;
  };
  struct Parts {
    std::vector<Part> messages;
    std::size_t version = 0;
  };
  struct Read {
    std::size_t version = 0;
    Shared values;
  };

  Shared read_parts(const Field& values, const Parts& parts) {
    std::vector<Shared> read;
    for (const Part& part : parts.messages) {
      read.push_back(read_batch({&values}, part.batch, part.body, finder(), text_stays)->children[0]);
    }
    return join(values, read);
  }

  std::map<std::int64_t, Parts> parts_;
  std::map<const Field*, Read> read_;
};

// The whole ---------------------------------------------------------------------------------------

struct Contents {
  std::shared_ptr<const MappedFile> file;
  Field schema;
  std::vector<const Field*> columns;
  Dictionaries dictionaries;
  std::vector<Shared> batches;
  bool text_stays = false;
  bool ended = true;

  void set_schema(const Table& header) {
    schema = read_schema(header);
    for (const Field& field : schema.children) columns.push_back(&field);
  }

  void add_batch(const Message& message) {
    batches.push_back(read_batch(columns, message.header, message.body, dictionaries.finder(),
                                 text_stays));
  }

  // Without any batch there are still columns, and categories.
  void finish() {
    if (batches.empty()) batches.push_back(empty_array(schema, dictionaries.finder()));
  }
};

bool starts_with(Span bytes, const char* text, std::size_t size) {
  return bytes.size >= size && std::memcmp(bytes.data, text, size) == 0;
}

Message expected(Header type, Message message) {
  if (message.type != type) damaged("a message is of the wrong kind");
  return message;
}

// Calls visit(message) for every block of a list of the footer.
template <class Visit>
void each_block(Span all, const flat::Vector& blocks, Header type, std::size_t* left, Visit visit) {
  for (std::size_t i = 0; i < blocks.length; i++) {
    const auto at = blocks.load<std::uint64_t>(i);
    std::size_t start = at;
    const std::size_t size = metadata_size(all, &start);
    const Message message = expected(type, read_message(all, start, size));
    if (message.end - at > *left) damaged("its batches overlap");
    *left -= message.end - at;
    visit(message);
  }
}

void read_footer(Contents* out) {
  const Span all = out->file->bytes();
  const std::size_t tail = 4 + magic_size;
  if (all.size < 8 + tail ||
      std::memcmp(all.data + all.size - magic_size, file_magic, magic_size) != 0) {
    throw Refusal("file_cut");
  }
  const auto size = all.load<std::uint32_t>(all.size - tail);
  if (size > all.size - tail - 8) throw Refusal("file_cut");
  const Table footer = Table::root(part_of(all, all.size - tail - size, size));
  const auto version = footer.get<std::int16_t>(0, 0);
  if (version != version_4 && version != version_5) throw Refusal("file_version");
  if (!footer.has(1)) damaged("it has no schema");
  out->set_schema(footer.table(1));
  std::size_t left = all.size;
  each_block(all, footer.vector(2, 24), Header::dictionary, &left,
             [&](const Message& message) { out->dictionaries.add(message, false); });
  each_block(all, footer.vector(3, 24), Header::batch, &left,
             [&](const Message& message) { out->add_batch(message); });
}

void read_messages(Contents* out) {
  const Span all = out->file->bytes();
  std::size_t at = 0;
  std::size_t size = metadata_size(all, &at);
  Message message = expected(Header::schema, read_message(all, at, size));
  out->set_schema(message.header);
  for (;;) {
    at = message.end;
    out->ended = at < all.size;
    if (!out->ended) return;
    size = metadata_size(all, &at);
    if (size == 0) return;
    message = read_message(all, at, size);
    if (message.type == Header::dictionary) {
      out->dictionaries.add(message, true);
    } else {
      out->add_batch(expected(Header::batch, message));
    }
  }
}

// The C interface ---------------------------------------------------------------------------------

struct Delivery {
  Contents contents;
  std::size_t next = 0;
};

Delivery* delivery_of(ArrowArrayStream* stream) {
  return static_cast<Delivery*>(stream->private_data);
}

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  *out = {};
  try {
    export_schema(delivery_of(stream)->contents.schema, out);
    return 0;
  } catch (const std::bad_alloc&) {
    if (out->release != nullptr) out->release(out);
    return ENOMEM;
  }
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  Delivery* delivery = delivery_of(stream);
  const Contents& contents = delivery->contents;
  *out = {};
  if (delivery->next == contents.batches.size()) return 0;
  try {
    export_array(contents.batches[delivery->next], contents.file, out);
    delivery->next++;
    return 0;
  } catch (const std::bad_alloc&) {
    if (out->release != nullptr) out->release(out);
    return ENOMEM;
  }
}

const char* get_last_error(ArrowArrayStream*) { return "memory is exhausted"; }

void release_stream(ArrowArrayStream* stream) {
  delete delivery_of(stream);
  stream->release = nullptr;
}

}  // namespace

FileFormat format_of_file(const std::string& path) {
  const MappedFile file(path);
  const Span all = file.bytes();
  if (starts_with(all, file_magic, magic_size)) return FileFormat::file;
  if (starts_with(all, "\xff\xff\xff\xff", 4)) return FileFormat::stream;
  if (starts_with(all, "PAR1", 4)) return FileFormat::parquet;
  if (starts_with(all, "FEA1", 4)) throw Refusal("file_feather_1");
  throw Refusal(all.size == 0 ? "file_empty" : "file_unknown");
}

bool read_file(const std::string& path, bool text_stays, ArrowArrayStream* out) {
  const FileFormat format = format_of_file(path);
  if (format == FileFormat::parquet) throw Refusal("file_unknown");
  auto delivery = std::make_unique<Delivery>();
  Contents& contents = delivery->contents;
  contents.file = std::make_shared<const MappedFile>(path);
  contents.text_stays = contents.dictionaries.text_stays = text_stays;
  if (format == FileFormat::file) {
    read_footer(&contents);
  } else {
    read_messages(&contents);
  }
  contents.finish();
  const bool ended = contents.ended;
  *out = {get_schema, get_next, get_last_error, release_stream, delivery.release()};
  return ended;
}

}  // namespace tandemlab::ipc
