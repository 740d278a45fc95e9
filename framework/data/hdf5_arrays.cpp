// Arrays of an HDF5 file's root: /x_train, /y_train, /x_test, /y_test.

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/hdf5_handle.h"
#include "framework/data/arrays.h"

namespace bitsweep {
namespace {

using hdf5::Handle;

// One dataset; HDF5 prints nothing of its own (see `read_hdf5_arrays`).
class Hdf5Array {
 public:
  Hdf5Array(hid_t file, const std::filesystem::path& path, const std::string& name)
      : path_(path),
        name_(name),
        is_there_(H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0),
        set_(is_there_ ? H5Dopen2(file, name.c_str(), H5P_DEFAULT) : -1, H5Dclose) {
    if (!is_there_) return;
    if (!set_.is_valid()) refuse("cannot be opened, expected a dataset");
    const Handle space(H5Dget_space(set_), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 1) refuse("is no array");
    std::vector<hsize_t> extents(std::size_t(rank), 0);
    H5Sget_simple_extent_dims(space, extents.data(), nullptr);
    shape_.assign(extents.begin(), extents.end());
  }

  bool is_there() const { return is_there_; }
  const std::vector<std::uint64_t>& shape() const { return shape_; }

  // Whole numbers; of one unsigned byte where `as_bytes`.
  void check_type(bool as_bytes) const {
    const Handle type(H5Dget_type(set_), H5Tclose);
    const bool is_whole = H5Tget_class(type) == H5T_INTEGER;
    const bool is_byte =
        is_whole && H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
    if (as_bytes && !is_byte) refuse("of another type, expected bytes (uint8)");
    if (!is_whole) refuse("of another type, expected whole numbers");
  }

  template <class Value>
  std::vector<Value> values(hid_t type) const {
    const std::size_t bytes = array_bytes(path_, name_, shape_, sizeof(Value));
    std::vector<Value> values(bytes / sizeof(Value));
    if (H5Dread(set_, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
      refuse("cannot be read; the file is damaged");
    }
    return values;
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    refuse_array(path_, name_, problem);
  }

 private:
  const std::filesystem::path& path_;
  const std::string& name_;
  bool is_there_;
  Handle set_;
  std::vector<std::uint64_t> shape_;
};

}  // namespace

OwnFiles read_hdf5_arrays(const std::string& name) {
  const hdf5::Silence silence;
  const Handle file(H5Fopen(name.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.is_valid()) {
    throw DataError(fmt::format("{}: cannot be opened, expected an HDF5 file", name));
  }
  ArrayFile arrays{name, {}, {}};
  arrays.pixels = [&](const std::string& array_name) -> std::optional<PixelArray> {
    const Hdf5Array array(file, arrays.path, array_name);
    if (!array.is_there()) return std::nullopt;
    array.check_type(true);
    return PixelArray{array.shape(), array.values<std::uint8_t>(H5T_NATIVE_UINT8)};
  };
  arrays.labels =
      [&](const std::string& array_name) -> std::optional<std::vector<std::int64_t>> {
    const Hdf5Array array(file, arrays.path, array_name);
    if (!array.is_there()) return std::nullopt;
    array.check_type(false);
    const auto& shape = array.shape();
    if (shape.size() > 2 || (shape.size() == 2 && shape[1] != 1)) {
      array.refuse("is no list, expected a label for each image");
    }
    return array.values<std::int64_t>(H5T_NATIVE_INT64);
  };
  return read_arrays(arrays);
}

}  // namespace bitsweep
