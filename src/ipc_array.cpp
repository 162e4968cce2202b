// Arrays of a record batch. The C interface does not tell the size of a buffer, and those who read
// it must trust the producer: so every buffer is measured here before it is handed on.

#include "ipc_array.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "arrow_buffers.h"

namespace tandemlab::ipc {
namespace {

constexpr std::int64_t longest = std::int64_t{1} << 48;

std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) damaged("a length is too large");
  return result;
}

// The last of `length` + 1 offsets.
template <class Offset>
std::int64_t last_offset(const void* offsets, std::int64_t length) {
  Offset first, last;
  if (!in_order(offsets, 0, length, &first, &last)) damaged("its offsets are out of order");
  return last;
}

std::int64_t last_offset(const Layout& layout, const Array& array) {
  if (array.length == 0) return 0;
  return layout.width == 4 ? last_offset<std::int32_t>(array.buffers[1], array.length)
                           : last_offset<std::int64_t>(array.buffers[1], array.length);
}

// One message's nodes and buffers, taken in the order in which the format lists them.
class Batch {
 public:
  Batch(const flat::Table& batch, flat::Span body, const FindDictionary& dictionary,
        bool text_stays)
      : nodes_(batch.vector(1, 16)), buffers_(batch.vector(2, 16)), variadic_(batch.vector(4, 8)),
        body_(body), dictionary_(dictionary), text_stays_(text_stays) {
    if (!batch.has(3)) return;
    const flat::Table compression = batch.table(3);
    const auto codec = compression.get<std::int8_t>(0, 0);
    if (codec < 0 || codec > 1 || compression.get<std::int8_t>(1, 0) != 0) {
      damaged("it is compressed in an unknown way");
    }
    codec_ = static_cast<Codec>(codec);
    need_codec(codec_);
  }

  Shared column(const Field& field) {
    const char type = field.format[field.format[0] == 'v'];
    copy_ = text_stays_ && (type == 'u' || type == 'U') && field.format.size() < 3;
    return array(field);
  }

  // What has no buffers costs the file nothing and R memory: it may be as long as other columns
  // can be, but not much longer.
  void finish() const {
    const bool all = node_ == nodes_.length && buffer_ == buffers_.length;
    if (!all) damaged("the number of buffers is wrong");
    if (unpaid_ / 64 > bytes_ + (std::int64_t{1} << 20)) damaged("a length is too large");
  }

 private:
  flat::Vector nodes_, buffers_, variadic_;
  flat::Span body_;
  const FindDictionary& dictionary_;
  bool text_stays_, copy_ = false;
  Codec codec_ = Codec::none;
  std::size_t node_ = 0, buffer_ = 0, view_ = 0;
  std::uint64_t claimed_ = 0;  // bytes of the body that buffers lie in
  std::int64_t bytes_ = 0;     // of all buffers, decompressed
  std::int64_t unpaid_ = 0;    // elements without buffers

  Shared array(const Field& field) {
    return in_column(field.name, [&] { return read(field); });
  }

  Shared read(const Field& field) {
    if (node_ == nodes_.length) damaged("the number of arrays is wrong");
    auto array = std::make_shared<Array>();
    array->length = nodes_.load<std::int64_t>(node_);
    array->null_count = nodes_.load<std::int64_t>(node_, 8);
    node_++;
    if (array->length < 0 || array->length > longest) damaged("a length is negative or too large");
    if (array->null_count < 0 || array->null_count > array->length) {
      damaged("a count of missing values is negative or too large");
    }
    const Layout& layout = field.layout;
    if (layout.kind != Kind::null) {
      const bool any = array->null_count > 0;
      add(any ? (array->length + 7) / 8 : 0, array.get());
    }
    const bool sized = layout.kind == Kind::fixed || layout.kind == Kind::fixed_list;
    if (layout.kind == Kind::null || (sized && layout.width == 0) ||
        (layout.kind == Kind::structure && field.children.empty())) {
      unpaid_ = add_up(unpaid_, array->length);
    }
    read_values(layout, array.get());
    for (const Field& child : field.children) array->children.push_back(this->array(child));
    check_children(layout, *array);
    if (field.values != nullptr) array->dictionary = values_of(field, *array);
    return array;
  }

  void read_values(const Layout& layout, Array* array) {
    const std::int64_t length = array->length;
    switch (layout.kind) {
      case Kind::bits: return add((length + 7) / 8, array);
      case Kind::fixed: return add(product(length, layout.width), array);
      case Kind::list: return add(length == 0 ? 0 : product(length + 1, layout.width), array);
      case Kind::text:
        add(length == 0 ? 0 : product(length + 1, layout.width), array);
        return add(last_offset(layout, *array), array);
      case Kind::views: return read_views(array);
      case Kind::null:
      case Kind::fixed_list:
      case Kind::structure: return;
    }
  }

  // Views of up to 12 bytes hold them; the others say in which buffer they are, and where.
  void read_views(Array* array) {
    add(product(array->length, 16), array);
    const auto count = view_ < variadic_.length ? variadic_.load<std::int64_t>(view_++) : -1;
    if (count < 0 || static_cast<std::uint64_t>(count) > buffers_.length - buffer_) {
      damaged("the number of buffers is wrong");
    }
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(count) + 1);
    for (std::int64_t i = 0; i < array->length; i++) {
      const char* view = static_cast<const char*>(array->buffers[1]) + 16 * i;
      const auto length = load<std::int32_t>(view, 0);
      if (!present(array->buffers[0], i) || (length >= 0 && length <= 12)) continue;
      const auto which = load<std::int32_t>(view, 2), start = load<std::int32_t>(view, 3);
      if (length < 0 || which < 0 || which >= count || start < 0) {
        damaged("a view lies outside its buffer");
      }
      std::int64_t& size = sizes[static_cast<std::size_t>(which)];
      size = std::max(size, static_cast<std::int64_t>(start) + length);
    }
    for (std::int64_t i = 0; i < count; i++) add(sizes[static_cast<std::size_t>(i)], array);
    auto shown = std::make_shared<std::vector<std::int64_t>>(std::move(sizes));
    array->buffers.push_back(shown->data());  // as the C interface wants it
    array->owned.push_back(std::shared_ptr<void>(shown, shown->data()));
  }

  void check_children(const Layout& layout, const Array& array) const {
    std::int64_t wanted = array.length;
    if (layout.kind == Kind::list) wanted = last_offset(layout, array);
    if (layout.kind == Kind::fixed_list) wanted = product(array.length, layout.width);
    for (const Shared& child : array.children) {
      if (child->length < wanted) damaged("an array is shorter than it must be");
    }
  }

  // Where every code is missing there may be no dictionary.
  Shared values_of(const Field& field, const Array& codes) const {
    Shared found = dictionary_(field);
    if (found != nullptr) return found;
    if (codes.null_count < codes.length) damaged("its dictionary is missing");
    return empty_array(*field.values, dictionary_);
  }

  // The next buffer, of which the array needs `wanted` bytes.
  void add(std::int64_t wanted, Array* array) {
    if (buffer_ == buffers_.length) damaged("the number of buffers is wrong");
    const auto offset = buffers_.load<std::uint64_t>(buffer_);
    auto size = buffers_.load<std::uint64_t>(buffer_, 8);
    buffer_++;
    if (!body_.holds(offset, size)) damaged("a buffer lies outside the file");
    claimed_ += size;
    if (claimed_ > body_.size) damaged("its buffers overlap");
    bytes_ = add_up(bytes_, wanted);
    array->buffers.push_back(
        wanted == 0 ? nullptr : bytes(flat::Span{body_.data + offset, size}, wanted, array));
  }

  const void* bytes(flat::Span buffer, std::int64_t wanted, Array* array) const {
    const auto need = static_cast<std::size_t>(wanted);
    std::int64_t whole = static_cast<std::int64_t>(buffer.size);
    bool raw = codec_ == Codec::none;
    if (!raw) {
      if (buffer.size < 8) damaged("a buffer is too short");
      whole = buffer.load<std::int64_t>(0);
      buffer = {buffer.data + 8, buffer.size - 8};
      raw = whole == -1;
      if (raw) whole = static_cast<std::int64_t>(buffer.size);
    }
    if (whole < wanted) damaged("a buffer is too short");
    if (raw && !copy_) {
      array->in_file = true;
      return buffer.data;
    }
    array->owned.push_back(raw ? copy_of(buffer.data, need)
                               : decompress(codec_, buffer.data, buffer.size, need));
    return array->owned.back().get();
  }

  static std::shared_ptr<void> copy_of(const void* bytes, std::size_t size) {
    std::shared_ptr<void> copy(std::malloc(size), std::free);
    if (copy == nullptr) throw Refusal("memory");
    std::memcpy(copy.get(), bytes, size);
    return copy;
  }

  static std::int64_t add_up(std::int64_t a, std::int64_t b) {
    std::int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) damaged("a length is too large");
    return sum;
  }
};

// Dictionaries in parts -----------------------------------------------------------------------------

std::int64_t total(const std::vector<Shared>& parts) {
  std::int64_t length = 0;
  for (const Shared& part : parts) length += part->length;
  if (length > longest) damaged("a length is too large");
  return length;
}

unsigned char* new_buffer(Array* out, std::int64_t size) {
  std::shared_ptr<void> bytes(std::calloc(static_cast<std::size_t>(size) + 8, 1), std::free);
  if (bytes == nullptr) throw Refusal("memory");
  out->buffers.push_back(bytes.get());
  out->owned.push_back(bytes);
  return static_cast<unsigned char*>(bytes.get());
}

void join_bits(const std::vector<Shared>& parts, std::size_t which, Array* out) {
  unsigned char* bits = new_buffer(out, (out->length + 7) / 8);
  std::int64_t at = 0;
  for (const Shared& part : parts) {
    for (std::int64_t i = 0; i < part->length; i++, at++) {
      if (present(part->buffers[which], i)) {
        bits[at >> 3] = static_cast<unsigned char>(bits[at >> 3] | 1 << (at & 7));
      }
    }
  }
}

void join_fixed(const std::vector<Shared>& parts, std::int64_t width, Array* out) {
  unsigned char* at = new_buffer(out, product(out->length, width));
  for (const Shared& part : parts) {
    const auto size = static_cast<std::size_t>(part->length * width);
    if (size > 0) std::memcpy(at, part->buffers[1], size);
    at += size;
  }
}

template <class Offset>
void join_text(const std::vector<Shared>& parts, Array* out) {
  unsigned char* offsets = new_buffer(out, product(out->length + 1, sizeof(Offset)));
  std::int64_t size = 0;
  for (const Shared& part : parts) {
    if (part->length == 0) continue;
    const auto first = load<Offset>(part->buffers[1], 0);
    size += load<Offset>(part->buffers[1], part->length) - first;
  }
  if (size > static_cast<std::int64_t>(std::numeric_limits<Offset>::max())) {
    damaged("a length is too large");
  }
  unsigned char* bytes = new_buffer(out, size);
  Offset done = 0;
  for (const Shared& part : parts) {
    if (part->length == 0) continue;
    const auto first = load<Offset>(part->buffers[1], 0);
    for (std::int64_t i = 1; i <= part->length; i++) {
      const auto end = static_cast<Offset>(load<Offset>(part->buffers[1], i) - first + done);
      offsets += sizeof(Offset);
      std::memcpy(offsets, &end, sizeof(Offset));
    }
    const auto more = static_cast<Offset>(load<Offset>(part->buffers[1], part->length) - first);
    if (more > 0) {
      std::memcpy(bytes + done, static_cast<const unsigned char*>(part->buffers[2]) + first,
                  static_cast<std::size_t>(more));
    }
    done = static_cast<Offset>(done + more);
  }
}

// The C interface ---------------------------------------------------------------------------------

struct Owned {
  Shared array;
  std::shared_ptr<const void> file;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
  ArrowArray dictionary = {};
};

void release(ArrowArray* array) {
  auto* owned = static_cast<Owned*>(array->private_data);
  for (ArrowArray& child : owned->children) {
    if (child.release != nullptr) child.release(&child);
  }
  if (owned->dictionary.release != nullptr) owned->dictionary.release(&owned->dictionary);
  delete owned;
  array->release = nullptr;
}

}  // namespace

Shared read_batch(const std::vector<const Field*>& columns, const flat::Table& batch,
                  flat::Span body, const FindDictionary& dictionary, bool text_stays) {
  Batch reader(batch, body, dictionary, text_stays);
  auto whole = std::make_shared<Array>();
  whole->length = batch.get<std::int64_t>(0, 0);
  whole->buffers.push_back(nullptr);
  if (whole->length < 0) damaged("a length is negative");
  for (const Field* field : columns) {
    Shared column = reader.column(*field);
    if (column->length != whole->length) damaged("its columns differ in length");
    whole->children.push_back(std::move(column));
  }
  reader.finish();
  return whole;
}

Shared join(const Field& field, const std::vector<Shared>& parts) {
  if (parts.size() == 1) return parts[0];
  auto out = std::make_shared<Array>();
  out->length = total(parts);
  for (const Shared& part : parts) out->null_count += part->null_count;
  const Layout& layout = field.layout;
  if (layout.kind == Kind::null) return out;
  join_bits(parts, 0, out.get());
  switch (layout.kind) {
    case Kind::bits: join_bits(parts, 1, out.get()); break;
    case Kind::fixed: join_fixed(parts, layout.width, out.get()); break;
    case Kind::text:
      if (layout.width == 4) {
        join_text<std::int32_t>(parts, out.get());
      } else {
        join_text<std::int64_t>(parts, out.get());
      }
      break;
    default: throw Refusal("file_delta");
  }
  if (field.values != nullptr) throw Refusal("file_delta");
  return out;
}

Shared empty_array(const Field& field, const FindDictionary& dictionary) {
  auto out = std::make_shared<Array>();
  const std::size_t counts[] = {0, 2, 2, 3, 3, 2, 1, 1};
  out->buffers.resize(counts[static_cast<std::size_t>(field.layout.kind)]);
  for (const Field& child : field.children) {
    out->children.push_back(empty_array(child, dictionary));
  }
  if (field.values != nullptr) {
    out->dictionary = dictionary(field);
    if (out->dictionary == nullptr) out->dictionary = empty_array(*field.values, dictionary);
  }
  return out;
}

void export_array(const Shared& array, const std::shared_ptr<const void>& file, ArrowArray* out) {
  auto owned = std::make_unique<Owned>();
  owned->array = array;
  if (array->in_file) owned->file = file;
  owned->children.resize(array->children.size());
  for (ArrowArray& child : owned->children) owned->pointers.push_back(&child);
  *out = {};
  out->length = array->length;
  out->null_count = array->null_count;
  out->n_buffers = static_cast<std::int64_t>(array->buffers.size());
  out->buffers = const_cast<const void**>(array->buffers.data());
  out->n_children = static_cast<std::int64_t>(array->children.size());
  out->children = owned->pointers.data();
  out->dictionary = array->dictionary == nullptr ? nullptr : &owned->dictionary;
  Owned* held = owned.release();
  out->private_data = held;
  out->release = release;  // from here on the caller can release it, whole or not
  for (std::size_t i = 0; i < array->children.size(); i++) {
    export_array(array->children[i], file, &held->children[i]);
  }
  if (array->dictionary != nullptr) export_array(array->dictionary, file, &held->dictionary);
}

}  // namespace tandemlab::ipc
