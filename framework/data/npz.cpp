// NPZ: a zip archive of NPY arrays, as numpy.savez writes it. The format is described in
// NumPy's documentation, numpy.lib.format.

#include <bit>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <zip.h>

#include "framework/core/error.h"
#include "framework/data/arrays.h"

namespace bitsweep {
namespace {

static_assert(std::endian::native == std::endian::little,
              "NPY values are read as stored");

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

struct NpyHeader {
  std::string type;  // "|u1", "<i8"
  std::vector<std::uint64_t> shape;
};

// The text behind "'key': " in the header's dictionary.
std::string_view value_of(std::string_view dictionary, std::string_view key) {
  const auto at = dictionary.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return {};
  auto rest = dictionary.substr(at + key.size() + 3);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

// One array of an archive, unpacked in pieces.
class NpyArray {
 public:
  NpyArray(zip_t* archive, const std::filesystem::path& path, std::string name)
      : path_(path), name_(std::move(name)) {
    const std::string entry = name_ + ".npy";
    zip_stat_t stat{};
    if (zip_stat(archive, entry.c_str(), 0, &stat) != 0) return;
    entry_.reset(zip_fopen(archive, entry.c_str(), 0));
    if (!entry_) refuse(zip_strerror(archive));
    size_ = stat.size;
  }

  bool is_there() const { return entry_ != nullptr; }

  NpyHeader header() {
    unsigned char head[12] = {};
    read(head, 10);
    if (std::memcmp(head, "\x93NUMPY", 6) != 0) refuse("is no NPY array");
    std::size_t length = std::size_t(head[8]) | std::size_t(head[9]) << 8;
    if (head[6] > 1) {
      read(head + 10, 2);
      length |= std::size_t(head[10]) << 16 | std::size_t(head[11]) << 24;
    }
    constexpr std::size_t kLongest = 1 << 16;
    if (length > kLongest) refuse(fmt::format("its header has {} bytes", length));
    std::string dictionary(length, ' ');
    read(dictionary.data(), length);
    return parse(dictionary);
  }

  /// What follows the header, which must be `size` bytes.
  template <class Value>
  std::vector<Value> values(std::size_t size) {
    if (size_ - read_ != size) {
      refuse(fmt::format("{} bytes of values, expected {} for its shape", size_ - read_,
                         size));
    }
    std::vector<Value> values;
    constexpr std::size_t kMostAtOnce = 1 << 20;
    while (size > 0) {  // memory follows what is there
      const std::size_t count = std::min(size / sizeof(Value), kMostAtOnce);
      const std::size_t before = values.size();
      values.resize(before + count);
      read(values.data() + before, count * sizeof(Value));
      size -= count * sizeof(Value);
    }
    char beyond = 0;
    // The end is where the archive's check sum is compared.
    if (zip_fread(entry_.get(), &beyond, 1) != 0) refuse(why("longer than it says"));
    return values;
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    refuse_array(path_, name_, problem);
  }

 private:
  std::string why(const char* otherwise) const {
    zip_error_t* error = zip_file_get_error(entry_.get());
    return zip_error_code_zip(error) == ZIP_ER_OK ? otherwise : zip_error_strerror(error);
  }

  void read(void* to, std::size_t size) {
    const zip_int64_t count = zip_fread(entry_.get(), to, size);
    if (count < 0 || std::size_t(count) != size) {
      refuse(fmt::format("cannot be unpacked: {}", why("it breaks off")));
    }
    read_ += size;
  }

  NpyHeader parse(std::string_view dictionary) const {
    NpyHeader header;
    auto type = value_of(dictionary, "descr");
    const auto quote = type.find('\'', 1);
    if (!type.starts_with('\'') || quote == std::string_view::npos) {
      refuse("its header names no type of numbers");
    }
    header.type = type.substr(1, quote - 1);
    if (!value_of(dictionary, "fortran_order").starts_with("False")) {
      refuse("is stored by columns (Fortran), expected rows (C)");
    }
    auto shape = value_of(dictionary, "shape");
    const auto end = shape.find(')');
    if (!shape.starts_with('(') || end == std::string_view::npos) {
      refuse("its header names no shape");
    }
    shape = shape.substr(1, end - 1);
    while (!shape.empty()) {
      shape.remove_prefix(std::min(shape.find_first_not_of(" ,"), shape.size()));
      if (shape.empty()) break;
      std::uint64_t extent = 0;
      const auto [stop, failure] =
          std::from_chars(shape.data(), shape.data() + shape.size(), extent);
      if (failure != std::errc{}) refuse("its header's shape is damaged");
      header.shape.push_back(extent);
      shape.remove_prefix(std::size_t(stop - shape.data()));
    }
    return header;
  }

  const std::filesystem::path& path_;
  std::string name_;
  std::unique_ptr<zip_file_t, CloseEntry> entry_;
  std::uint64_t size_ = 0;
  std::uint64_t read_ = 0;
};

template <class Stored>
std::vector<std::int64_t> widened(NpyArray& array, std::size_t bytes) {
  const auto values = array.values<Stored>(bytes);
  return {values.begin(), values.end()};
}

std::optional<PixelArray> pixels_of(zip_t* archive, const std::filesystem::path& path,
                                    const std::string& name) {
  NpyArray array(archive, path, name);
  if (!array.is_there()) return std::nullopt;
  const NpyHeader header = array.header();
  if (header.type != "|u1") {
    array.refuse(fmt::format("of type {}, expected bytes (uint8)", header.type));
  }
  return PixelArray{header.shape,
                    array.values<std::uint8_t>(array_bytes(path, name, header.shape, 1))};
}

std::optional<std::vector<std::int64_t>> labels_of(zip_t* archive,
                                                   const std::filesystem::path& path,
                                                   const std::string& name) {
  NpyArray array(archive, path, name);
  if (!array.is_there()) return std::nullopt;
  const auto [type, shape] = array.header();
  const bool is_flat = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  if (!is_flat) array.refuse("is no list, expected a label for each image");
  const auto bytes = [&, &extents = shape](std::size_t width) {
    return array_bytes(path, name, extents, width);
  };
  if (type == "|u1") return widened<std::uint8_t>(array, bytes(1));
  if (type == "|i1") return widened<std::int8_t>(array, bytes(1));
  if (type == "<u2") return widened<std::uint16_t>(array, bytes(2));
  if (type == "<i2") return widened<std::int16_t>(array, bytes(2));
  if (type == "<u4") return widened<std::uint32_t>(array, bytes(4));
  if (type == "<i4") return widened<std::int32_t>(array, bytes(4));
  if (type == "<u8") return widened<std::uint64_t>(array, bytes(8));
  if (type == "<i8") return widened<std::int64_t>(array, bytes(8));
  array.refuse(fmt::format("of type {}, expected whole numbers", type));
}

}  // namespace

OwnFiles read_npz(const std::string& file) {
  int code = 0;
  const Archive archive(zip_open(file.c_str(), ZIP_RDONLY, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw DataError(fmt::format("{}: no NPZ file: {}", file, why));
  }
  ArrayFile arrays{file, {}, {}};
  arrays.pixels = [&](const auto& name) {
    return pixels_of(archive.get(), arrays.path, name);
  };
  arrays.labels = [&](const auto& name) {
    return labels_of(archive.get(), arrays.path, name);
  };
  return read_arrays(arrays);
}

}  // namespace bitsweep
