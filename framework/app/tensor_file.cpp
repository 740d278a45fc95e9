#include "framework/app/tensor_file.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/hdf5_handle.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

using hdf5::Handle;

std::vector<std::int64_t> shape_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  std::vector<hsize_t> sizes(std::size_t(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

std::size_t element_count(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const auto size : shape) count *= std::size_t(size);
  return count;
}

bool holds_floats(hid_t dataset) {
  const Handle type(H5Dget_type(dataset), H5Tclose);
  return H5Tget_class(type) == H5T_FLOAT;
}

void check_values(const TensorPlace& place, const std::vector<float>& values) {
  if (values.empty())
    throw DataError(fmt::format("{}: the tensor is empty", place.text()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw DataError(fmt::format("{}: element {} is {}; expected finite float32 numbers",
                                place.text(), i, values[i]));
  }
}

}  // namespace

TensorPlace parse_tensor_place(const std::string& text) {
  const auto colon = text.rfind(":/");
  if (colon == std::string::npos || colon == 0 || colon + 2 == text.size()) {
    throw ConfigError(fmt::format(
        "'{}' names no tensor; expected FILE.h5:/dataset, as in weights.h5:/conv1/weight",
        text));
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

StoredTensor read_tensor(const TensorPlace& place) {
  const hdf5::Silence silent;
  if (!std::filesystem::exists(place.file)) {
    throw DataError(fmt::format("{}: no such file", place.file.string()));
  }
  const Handle file(H5Fopen(place.file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.is_valid()) {
    throw DataError(fmt::format("{}: not a readable HDF5 file", place.file.string()));
  }
  const Handle dataset(H5Dopen2(file, place.dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.is_valid()) {
    throw DataError(
        fmt::format("{}: there is no dataset of that name in the file", place.text()));
  }
  if (!holds_floats(dataset)) {
    throw DataError(
        fmt::format("{}: expected a dataset of floating-point numbers", place.text()));
  }
  StoredTensor tensor{shape_of(dataset), {}};
  tensor.values.resize(element_count(tensor.shape));
  if (H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
              tensor.values.data()) < 0) {
    throw DataError(fmt::format("{}: the dataset is damaged or truncated", place.text()));
  }
  check_values(place, tensor.values);
  return tensor;
}

struct TensorFile::Image {
  hdf5::Silence silent;
  hdf5::Handle file;

  Image() : file(create(), H5Fclose) {}

  static hid_t create() {
    constexpr std::size_t kGrowth = std::size_t{1} << 20;
    const Handle memory(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(memory, kGrowth, /*backing_store=*/false);
    return H5Fcreate("tensors", H5F_ACC_TRUNC, H5P_DEFAULT, memory);
  }

  bool write_dataset(const std::string& name, hid_t type, const void* values,
                     const std::vector<std::int64_t>& shape) {
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    const Handle space(H5Screate_simple(int(sizes.size()), sizes.data(), nullptr),
                       H5Sclose);
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(properties, false);  // equal tensors, equal files
    const Handle dataset(
        H5Dcreate2(file, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
        H5Dclose);
    return dataset.is_valid() &&
           H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  }

  bool write_attribute(const std::string& name, hid_t type, const void* value) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attribute(
        H5Acreate2(file, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    return attribute.is_valid() && H5Awrite(attribute, type, value) >= 0;
  }

  std::string bytes() {
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    const auto size = H5Fget_file_image(file, nullptr, 0);
    std::string bytes(std::size_t(std::max<ssize_t>(size, 0)), '\0');
    H5Fget_file_image(file, bytes.data(), bytes.size());
    return bytes;
  }
};

namespace {

// In memory there is one way to fail.
void require_memory(bool done) {
  if (!done) throw RunError("there is not enough memory for the tensor file");
}

}  // namespace

TensorFile::TensorFile() : image_(std::make_unique<Image>()) {
  require_memory(image_->file.is_valid());
}
TensorFile::~TensorFile() = default;

void TensorFile::tensor(const std::string& name, std::span<const float> values,
                        const std::vector<std::int64_t>& shape) {
  ensure(values.size() == element_count(shape), "a tensor has its shape's elements");
  require_memory(image_->write_dataset(name, H5T_NATIVE_FLOAT, values.data(), shape));
}

void TensorFile::tensor(const std::string& name, std::span<const std::int32_t> values,
                        const std::vector<std::int64_t>& shape) {
  ensure(values.size() == element_count(shape), "a tensor has its shape's elements");
  require_memory(image_->write_dataset(name, H5T_NATIVE_INT32, values.data(), shape));
}

void TensorFile::attribute(const std::string& name, const std::string& text) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const char* value = text.c_str();
  require_memory(image_->write_attribute(name, type, &value));
}

void TensorFile::attribute(const std::string& name, std::int64_t number) {
  require_memory(image_->write_attribute(name, H5T_NATIVE_INT64, &number));
}

void TensorFile::save(const std::filesystem::path& path) const {
  write_whole_file(path, image_->bytes());
}

}  // namespace bitsweep
