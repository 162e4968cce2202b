#ifndef TANDEMLAB_FLATBUFFER_H
#define TANDEMLAB_FLATBUFFER_H

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "ipc_refusal.h"

// As much of https://flatbuffers.dev/internals/ as Arrow's messages need. Little-endian machines.
namespace tandemlab::flat {

struct Span {
  const unsigned char* data = nullptr;
  std::size_t size = 0;

  // Whether `count` bytes lie at `at`.
  bool holds(std::size_t at, std::size_t count) const { return at <= size && count <= size - at; }

  template <class T>
  T load(std::size_t at) const {
    if (!holds(at, sizeof(T))) damaged("its metadata point outside themselves");
    T value;
    std::memcpy(&value, data + at, sizeof(T));
    return value;
  }

  // Where the offset at `at` points. Offsets only point forward, so that there are no cycles.
  std::size_t follow(std::size_t at) const {
    const std::size_t target = at + load<std::uint32_t>(at);
    if (target == at || target >= size) damaged("its metadata point outside themselves");
    return target;
  }
};

class Table;

// A vector of scalars, structs or tables; `length` elements of `width` bytes are there.
struct Vector {
  Span all;
  std::size_t start = 0;
  std::size_t length = 0;
  std::size_t width = 0;

  template <class T>
  T load(std::size_t i, std::size_t offset = 0) const {
    return all.load<T>(start + i * width + offset);
  }
  Table table(std::size_t i) const;
};

// A table of a buffer that nobody vouches for: each access is checked.
class Table {
 public:
  static Table root(Span all) { return Table(all, all.follow(0)); }

  Table(Span all, std::size_t at) : all_(all), at_(at) {
    const std::int64_t vtable = static_cast<std::int64_t>(at) - all.load<std::int32_t>(at);
    if (vtable < 0) damaged("its metadata point outside themselves");
    vtable_ = static_cast<std::size_t>(vtable);
    vtable_size_ = all.load<std::uint16_t>(vtable_);
    if (!all.holds(vtable_, vtable_size_)) damaged("its metadata point outside themselves");
  }

  bool has(std::size_t field) const { return place(field) != 0; }

  template <class T>
  T get(std::size_t field, T otherwise) const {
    const std::size_t found = place(field);
    return found == 0 ? otherwise : all_.load<T>(found);
  }

  // `has()` must be true.
  Table table(std::size_t field) const { return Table(all_, all_.follow(place(field))); }

  // Empty where the field is absent.
  Vector vector(std::size_t field, std::size_t width) const {
    const std::size_t found = place(field);
    if (found == 0) return {};
    const std::size_t at = all_.follow(found), length = all_.load<std::uint32_t>(at);
    if (length > (all_.size - at - 4) / width) damaged("its metadata point outside themselves");
    return {all_, at + 4, length, width};
  }

  std::string text(std::size_t field) const {
    const Vector bytes = vector(field, 1);
    return std::string(reinterpret_cast<const char*>(bytes.all.data) + bytes.start, bytes.length);
  }

 private:
  Span all_;
  std::size_t at_, vtable_, vtable_size_;

  std::size_t place(std::size_t field) const {
    const std::size_t entry = 4 + 2 * field;
    if (entry + 2 > vtable_size_) return 0;
    const std::size_t offset = all_.load<std::uint16_t>(vtable_ + entry);
    return offset == 0 ? 0 : at_ + offset;
  }
};

inline Table Vector::table(std::size_t i) const {
  return Table(all, all.follow(start + i * width));
}

// Writing: front to back, each object behind the one that points to it. What `table` and `links`
// leave open is closed by `point`.
class Builder {
 public:
  struct Field {
    std::size_t id;
    std::size_t width;
    std::int64_t value;  // little-endian: its first `width` bytes
  };

  static Field byte(std::size_t id, std::int64_t value) { return {id, 1, value}; }
  static Field int16(std::size_t id, std::int64_t value) { return {id, 2, value}; }
  static Field int32(std::size_t id, std::int64_t value) { return {id, 4, value}; }
  static Field int64(std::size_t id, std::int64_t value) { return {id, 8, value}; }
  static Field link(std::size_t id) { return {id, 4, 0}; }

  Builder() : bytes_(4) {}

  // A table with these fields. Widest first leaves no gaps.
  std::size_t table(const std::vector<Field>& fields) {
    std::size_t count = 0, size = 4;
    for (const Field& field : fields) count = field.id >= count ? field.id + 1 : count;
    align(2);
    const std::size_t vtable = bytes_.size();
    bytes_.resize(vtable + 4 + 2 * count);
    align(8);
    const std::size_t at = bytes_.size();
    put(static_cast<std::int32_t>(at - vtable));
    for (const Field& field : fields) {
      size = (size + field.width - 1) / field.width * field.width;
      bytes_.resize(at + size);
      const auto* value = reinterpret_cast<const unsigned char*>(&field.value);
      bytes_.insert(bytes_.end(), value, value + field.width);
      set(vtable + 4 + 2 * field.id, static_cast<std::uint16_t>(size));
      size += field.width;
    }
    set(vtable, static_cast<std::uint16_t>(4 + 2 * count));
    set(vtable + 2, static_cast<std::uint16_t>(size));
    return at;
  }

  // Where the link `id` of a table is, for `point`.
  std::size_t place(std::size_t table, std::size_t id) const {
    const std::size_t vtable = table - get<std::uint32_t>(table);
    return table + get<std::uint16_t>(vtable + 4 + 2 * id);
  }

  // A vector of open links; the one of element i is at the result + 4 + 4 i.
  std::size_t links(std::size_t count) {
    align(4);
    const std::size_t at = bytes_.size();
    put(static_cast<std::uint32_t>(count));
    bytes_.resize(bytes_.size() + 4 * count);
    return at;
  }

  // A vector of structs that consist of 8-byte numbers, `numbers` of them in all.
  std::size_t structs(std::size_t count, const std::vector<std::int64_t>& numbers) {
    align(4);
    if (bytes_.size() % 8 == 0) bytes_.resize(bytes_.size() + 4);
    const std::size_t at = bytes_.size();
    put(static_cast<std::uint32_t>(count));
    const auto* first = reinterpret_cast<const unsigned char*>(numbers.data());
    bytes_.insert(bytes_.end(), first, first + 8 * numbers.size());
    return at;
  }

  std::size_t text(const char* bytes, std::size_t size) {
    align(4);
    const std::size_t at = bytes_.size();
    put(static_cast<std::uint32_t>(size));
    bytes_.insert(bytes_.end(), bytes, bytes + size);
    bytes_.push_back(0);
    return at;
  }

  void point(std::size_t place, std::size_t target) {
    set(place, static_cast<std::uint32_t>(target - place));
  }

  void set_byte(std::size_t place, std::uint8_t value) { bytes_[place] = value; }

  void point_root(std::size_t table) { point(0, table); }

  // Zeros up to a multiple of `width`.
  void align(std::size_t width) {
    bytes_.resize((bytes_.size() + width - 1) / width * width);
    if (bytes_.size() > INT32_MAX) throw Refusal("file_columns");
  }

  const std::vector<unsigned char>& bytes() const { return bytes_; }

 private:
  std::vector<unsigned char> bytes_;

  template <class T>
  void set(std::size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }
  template <class T>
  T get(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }
  template <class T>
  void put(T value) {
    bytes_.resize(bytes_.size() + sizeof(T));
    set(bytes_.size() - sizeof(T), value);
  }
};

}  // namespace tandemlab::flat

#endif
