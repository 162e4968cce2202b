// Schemas of Arrow's IPC format, as its Schema.fbs has them, from and to those of the C interface.

#include "ipc_schema.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tandemlab::ipc {
namespace {

// The numbers of the union Type.
enum Type : std::uint8_t {
  Null = 1, Int, FloatingPoint, Binary, Utf8, Bool, Decimal, Date, Time, Timestamp, Interval, List,
  Struct, Union, FixedSizeBinary, FixedSizeList, Map, Duration, LargeBinary, LargeUtf8, LargeList,
  RunEndEncoded, BinaryView, Utf8View, ListView, LargeListView
};

constexpr int deepest = 40;  // R refuses what is deeper than 30, with the column's name
constexpr char units[] = "smun";

bool starts_with(const char* text, const char* start) {
  return std::strncmp(text, start, std::strlen(start)) == 0;
}

[[noreturn]] void unknown_type(const std::string& type) { throw Refusal("type", type); }

// Reading -----------------------------------------------------------------------------------------

char unit_of(const flat::Table& type, std::int16_t otherwise) {
  const auto unit = type.get<std::int16_t>(0, otherwise);
  if (unit < 0 || unit > 3) damaged("its unit is unknown");
  return units[unit];
}

std::string int_format(const flat::Table& type) {
  const bool is_signed = type.get<std::uint8_t>(1, 0) != 0;
  switch (type.get<std::int32_t>(0, 0)) {
    case 8: return is_signed ? "c" : "C";
    case 16: return is_signed ? "s" : "S";
    case 32: return is_signed ? "i" : "I";
    case 64: return is_signed ? "l" : "L";
  }
  damaged("the width of a whole number is unknown");
}

std::string sized(const char* start, std::int32_t size) {
  if (size < 0) damaged("its width is negative or too large");
  return start + std::to_string(size);
}

std::string decimal_format(const flat::Table& type) {
  const auto width = type.get<std::int32_t>(2, 128);
  if (width != 32 && width != 64 && width != 128 && width != 256) {
    damaged("the width of a decimal number is unknown");
  }
  const std::string format = "d:" + std::to_string(type.get<std::int32_t>(0, 0)) + "," +
                             std::to_string(type.get<std::int32_t>(1, 0));
  return width == 128 ? format : format + "," + std::to_string(width);
}

std::string timestamp_format(const flat::Table& type) {
  const std::string zone = type.text(1);
  if (zone.find('\0') != std::string::npos) damaged("its time zone is no text");
  return std::string("ts") + unit_of(type, 0) + ":" + zone;
}

std::string format_of(std::uint8_t number, const flat::Table& type) {
  switch (number) {
    case Null: return "n";
    case Int: return int_format(type);
    case FloatingPoint: {
      const auto precision = type.get<std::int16_t>(0, 0);
      if (precision < 0 || precision > 2) damaged("the width of a number is unknown");
      return std::string(1, "efg"[precision]);
    }
    case Binary: return "z";
    case Utf8: return "u";
    case Bool: return "b";
    case Decimal: return decimal_format(type);
    case Date: return type.get<std::int16_t>(0, 1) == 0 ? "tdD" : "tdm";
    case Time: return std::string("tt") + unit_of(type, 1);
    case Timestamp: return timestamp_format(type);
    case List: return "+l";
    case Struct: return "+s";
    case FixedSizeBinary: return sized("w:", type.get<std::int32_t>(0, 0));
    case FixedSizeList: return sized("+w:", type.get<std::int32_t>(0, 0));
    case Map: return "+m";
    case Duration: return std::string("tD") + unit_of(type, 1);
    case LargeBinary: return "Z";
    case LargeUtf8: return "U";
    case LargeList: return "+L";
    case BinaryView: return "vz";
    case Utf8View: return "vu";
    case Interval: unknown_type("interval");
    case Union: unknown_type("union");
    case RunEndEncoded: unknown_type("run_end_encoded");
    case ListView:
    case LargeListView: unknown_type("list_view");
  }
  unknown_type("number " + std::to_string(number));
}

void append_size(std::string& out, std::size_t size) {
  if (size > INT32_MAX) damaged("its metadata are too large");
  const auto number = static_cast<std::int32_t>(size);
  out.append(reinterpret_cast<const char*>(&number), 4);
}

// A vector of KeyValue in the encoding of the C interface.
std::string read_metadata(const flat::Table& owner, std::size_t id) {
  const flat::Vector entries = owner.vector(id, 4);
  std::string out;
  if (entries.length == 0) return out;
  append_size(out, entries.length);
  for (std::size_t i = 0; i < entries.length; i++) {
    const flat::Table entry = entries.table(i);
    for (std::size_t part = 0; part < 2; part++) {
      const std::string text = entry.text(part);
      append_size(out, text.size());
      out += text;
    }
  }
  return out;
}

struct Reader {
  std::size_t budget;  // an honest field has at least 8 bytes, and is there once

  Field field(const flat::Table& from, int depth) {
    if (budget-- == 0) damaged("its schema is not well formed");
    Field out;
    out.name = from.text(0);
    if (out.name.find('\0') != std::string::npos) damaged("a column's name holds a NUL");
    return in_column(out.name, [&] { return typed(std::move(out), from, depth); });
  }

 private:
  Field typed(Field out, const flat::Table& from, int depth) {
    if (depth > deepest) throw Refusal("deep");
    out.flags = from.get<std::uint8_t>(1, 0) != 0 ? ARROW_FLAG_NULLABLE : 0;
    out.metadata = read_metadata(from, 6);
    if (!from.has(3)) damaged("a field has no type");
    out.format = format_of(from.get<std::uint8_t>(2, 0), from.table(3));
    out.layout = layout_of(out.format.c_str());
    const flat::Vector children = from.vector(5, 4);
    for (std::size_t i = 0; i < children.length; i++) {
      out.children.push_back(field(children.table(i), depth + 1));
    }
    const Kind kind = out.layout.kind;
    const bool list = kind == Kind::list || kind == Kind::fixed_list;
    if (list && children.length != 1) damaged("a list needs one child");
    if (!list && kind != Kind::structure && children.length > 0) damaged("it has children");
    return from.has(4) ? coded(std::move(out), from.table(4)) : std::move(out);
  }

  static Field coded(Field values, const flat::Table& encoding) {
    Field out;
    out.name = values.name;
    out.metadata = std::move(values.metadata);
    values.metadata.clear();
    out.flags = values.flags;
    if (encoding.get<std::uint8_t>(2, 0) != 0) out.flags |= ARROW_FLAG_DICTIONARY_ORDERED;
    out.format = encoding.has(1) ? int_format(encoding.table(1)) : "i";
    out.layout = layout_of(out.format.c_str());
    out.dictionary = encoding.get<std::int64_t>(0, 0);
    out.values = std::make_unique<Field>(std::move(values));
    return out;
  }
};

// The C interface ---------------------------------------------------------------------------------

struct Owned {
  std::string name, format, metadata;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
  ArrowSchema dictionary = {};
};

void release(ArrowSchema* schema) {
  auto* owned = static_cast<Owned*>(schema->private_data);
  for (ArrowSchema& child : owned->children) {
    if (child.release != nullptr) child.release(&child);
  }
  if (owned->dictionary.release != nullptr) owned->dictionary.release(&owned->dictionary);
  delete owned;
  schema->release = nullptr;
}

}  // namespace

Layout layout_of(const char* format) {
  const std::string exact = format;
  if (exact == "n") return {Kind::null, 0};
  if (exact == "b") return {Kind::bits, 0};
  if (exact.size() == 1) {
    const char* found = std::strchr("cCsSeiIflLg", format[0]);
    const int widths[] = {1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8};
    if (found != nullptr) return {Kind::fixed, widths[found - "cCsSeiIflLg"]};
  }
  if (exact == "u" || exact == "z") return {Kind::text, 4};
  if (exact == "U" || exact == "Z") return {Kind::text, 8};
  if (exact == "vu" || exact == "vz") return {Kind::views, 16};
  if (exact == "tdD" || exact == "tts" || exact == "ttm") return {Kind::fixed, 4};
  if (starts_with(format, "td") || starts_with(format, "tt") || starts_with(format, "ts") ||
      starts_with(format, "tD")) {
    return {Kind::fixed, 8};
  }
  if (starts_with(format, "w:")) return {Kind::fixed, std::atoi(format + 2)};
  if (starts_with(format, "d:")) {
    int precision, scale, bits = 128;
    if (std::sscanf(format, "d:%d,%d,%d", &precision, &scale, &bits) < 2) unknown_type(format);
    return {Kind::fixed, bits / 8};
  }
  if (exact == "+l" || exact == "+m") return {Kind::list, 4};
  if (exact == "+L") return {Kind::list, 8};
  if (starts_with(format, "+w:")) return {Kind::fixed_list, std::atoi(format + 3)};
  if (exact == "+s") return {Kind::structure, 0};
  unknown_type(format);
}

Field read_schema(const flat::Table& schema) {
  if (schema.get<std::int16_t>(0, 0) != 0) throw Refusal("file_big_endian");
  const flat::Vector fields = schema.vector(1, 4);
  Field root;
  root.format = "+s";
  root.layout = layout_of("+s");
  root.metadata = read_metadata(schema, 2);
  Reader reader{fields.all.size / 8};
  for (std::size_t i = 0; i < fields.length; i++) {
    root.children.push_back(reader.field(fields.table(i), 0));
  }
  return root;
}

void export_schema(const Field& field, ArrowSchema* out) {
  auto owned = std::make_unique<Owned>();
  owned->name = field.name;
  owned->format = field.format;
  owned->metadata = field.metadata;
  owned->children.resize(field.children.size());
  owned->pointers.reserve(field.children.size());
  for (ArrowSchema& child : owned->children) owned->pointers.push_back(&child);
  *out = {};
  out->format = owned->format.c_str();
  out->name = owned->name.c_str();
  out->metadata = owned->metadata.empty() ? nullptr : owned->metadata.data();
  out->flags = field.flags;
  out->n_children = static_cast<std::int64_t>(field.children.size());
  out->children = owned->pointers.empty() ? nullptr : owned->pointers.data();
  out->dictionary = field.values == nullptr ? nullptr : &owned->dictionary;
  Owned* held = owned.release();
  out->private_data = held;
  out->release = release;  // from here on the caller can release it, whole or not
  for (std::size_t i = 0; i < field.children.size(); i++) {
    export_schema(field.children[i], &held->children[i]);
  }
  if (field.values != nullptr) export_schema(*field.values, &held->dictionary);
}

// Writing -----------------------------------------------------------------------------------------

namespace {

using flat::Builder;

struct Written {
  std::uint8_t number;
  std::size_t at;
};

std::int64_t unit_number(char unit) {
  const char* found = std::strchr(units, unit);
  if (found == nullptr || unit == '\0') unknown_type(std::string(1, unit));
  return found - units;
}

Written write_number(Builder& out, char format) {
  static const char wholes[] = "cCsSiIlL";
  const char* found = std::strchr(wholes, format);
  if (found != nullptr) {
    const auto place = static_cast<int>(found - wholes);
    return {Int, out.table({Builder::int32(0, 8 << place / 2), Builder::byte(1, place % 2 == 0)})};
  }
  return {FloatingPoint, out.table({Builder::int16(0, format == 'e' ? 0 : format == 'f' ? 1 : 2)})};
}

Written write_timestamp(Builder& out, const char* format) {
  const char* zone = format + 4;
  if (*zone == '\0') return {Timestamp, out.table({Builder::int16(0, unit_number(format[2]))})};
  const std::size_t at =
      out.table({Builder::link(1), Builder::int16(0, unit_number(format[2]))});
  out.point(out.place(at, 1), out.text(zone, std::strlen(zone)));
  return {Timestamp, at};
}

Written write_time_type(Builder& out, const char* format) {
  if (starts_with(format, "tdD")) return {Date, out.table({Builder::int16(0, 0)})};
  if (starts_with(format, "tdm")) return {Date, out.table({Builder::int16(0, 1)})};
  if (starts_with(format, "ts")) return write_timestamp(out, format);
  const std::int64_t unit = unit_number(format[2]);
  if (starts_with(format, "tD")) return {Duration, out.table({Builder::int16(0, unit)})};
  if (!starts_with(format, "tt")) unknown_type(format);
  return {Time, out.table({Builder::int32(1, unit < 2 ? 32 : 64), Builder::int16(0, unit)})};
}

// The types that R/frames-export.R makes.
Written write_type(Builder& out, const char* format) {
  const std::string exact = format;
  if (exact == "n") return {Null, out.table({})};
  if (exact == "b") return {Bool, out.table({})};
  if (exact == "u") return {Utf8, out.table({})};
  if (exact == "U") return {LargeUtf8, out.table({})};
  if (exact == "z") return {Binary, out.table({})};
  if (exact == "Z") return {LargeBinary, out.table({})};
  if (exact == "+l") return {List, out.table({})};
  if (exact == "+L") return {LargeList, out.table({})};
  if (exact == "+s") return {Struct, out.table({})};
  if (starts_with(format, "+w:")) {
    return {FixedSizeList, out.table({Builder::int32(0, std::atoi(format + 3))})};
  }
  if (format[0] == 't') return write_time_type(out, format);
  if (exact.size() == 1 && std::strchr("cCsSiIlLefg", format[0]) != nullptr) {
    return write_number(out, format[0]);
  }
  unknown_type(format);
}

// The metadata of the C interface as a vector of KeyValue.
std::size_t write_metadata(Builder& out, const char* metadata) {
  std::int32_t count, size;
  std::memcpy(&count, metadata, 4);
  metadata += 4;
  const std::size_t entries = out.links(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; i++) {
    const std::size_t entry = out.table({Builder::link(0), Builder::link(1)});
    out.point(entries + 4 + 4 * static_cast<std::size_t>(i), entry);
    for (std::size_t part = 0; part < 2; part++) {
      std::memcpy(&size, metadata, 4);
      out.point(out.place(entry, part), out.text(metadata + 4, static_cast<std::size_t>(size)));
      metadata += 4 + size;
    }
  }
  return entries;
}

std::size_t write_field(Builder& out, const ArrowSchema& schema, std::int64_t* dictionaries);

std::size_t write_fields(Builder& out, const ArrowSchema& parent, std::int64_t* dictionaries) {
  const std::size_t fields = out.links(static_cast<std::size_t>(parent.n_children));
  for (std::size_t i = 0; i < static_cast<std::size_t>(parent.n_children); i++) {
    out.point(fields + 4 + 4 * i, write_field(out, *parent.children[i], dictionaries));
  }
  return fields;
}

std::size_t write_encoding(Builder& out, const ArrowSchema& schema, std::int64_t id) {
  const bool ordered = (schema.flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0;
  const std::size_t at =
      out.table({Builder::int64(0, id), Builder::link(1), Builder::byte(2, ordered)});
  out.point(out.place(at, 1), write_number(out, schema.format[0]).at);
  return at;
}

std::size_t write_field(Builder& out, const ArrowSchema& schema, std::int64_t* dictionaries) {
  const bool coded = schema.dictionary != nullptr, described = schema.metadata != nullptr;
  const ArrowSchema& values = coded ? *schema.dictionary : schema;
  const std::int64_t id = coded ? (*dictionaries)++ : 0;
  std::vector<Builder::Field> fields = {Builder::link(0), Builder::link(3), Builder::link(5)};
  if (coded) fields.push_back(Builder::link(4));
  if (described) fields.push_back(Builder::link(6));
  fields.push_back(Builder::byte(1, (schema.flags & ARROW_FLAG_NULLABLE) != 0));
  fields.push_back(Builder::byte(2, 0));  // the type's number, known when the type is written
  const std::size_t at = out.table(fields);
  const char* name = schema.name == nullptr ? "" : schema.name;
  out.point(out.place(at, 0), out.text(name, std::strlen(name)));
  const Written type = write_type(out, values.format);
  out.set_byte(out.place(at, 2), type.number);
  out.point(out.place(at, 3), type.at);
  if (coded) out.point(out.place(at, 4), write_encoding(out, schema, id));
  if (described) out.point(out.place(at, 6), write_metadata(out, schema.metadata));
  out.point(out.place(at, 5), write_fields(out, values, dictionaries));
  return at;
}

}  // namespace

std::size_t write_schema(Builder& out, const ArrowSchema& schema) {
  std::int64_t dictionaries = 0;
  const bool described = schema.metadata != nullptr;
  std::vector<Builder::Field> fields = {Builder::link(1), Builder::int16(0, 0)};
  if (described) fields.insert(fields.begin(), Builder::link(2));
  const std::size_t at = out.table(fields);
  out.point(out.place(at, 1), write_fields(out, schema, &dictionaries));
  if (described) out.point(out.place(at, 2), write_metadata(out, schema.metadata));
  return at;
}

}  // namespace tandemlab::ipc
