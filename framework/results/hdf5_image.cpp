#include "framework/results/hdf5_image.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace bitsweep::hdf5_image {

std::mutex& library_mutex() {
  static std::mutex only;
  return only;
}

void check(bool good, std::string_view what) {
  if (!good) throw Hdf5Failure{std::string(what)};
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "no text type");
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

Handle property_list(hid_t kind) {
  return {H5Pcreate(kind), H5Pclose, "no property list"};
}

Handle space_of(const Dimensions& dimensions) {
  if (dimensions.empty()) return {H5Screate(H5S_SCALAR), H5Sclose, "no data space"};
  return {H5Screate_simple(int(dimensions.size()), dimensions.data(), nullptr), H5Sclose,
          "no data space"};
}

hsize_t product(const Dimensions& dimensions) {
  hsize_t count = 1;
  for (const auto dimension : dimensions) count *= dimension;
  return count;
}

const char* c_text(const std::string& text, std::string_view what) {
  if (text.find('\0') != text.npos) {
    throw Hdf5Failure{fmt::format("{} has a zero byte in it", what)};
  }
  return text.c_str();
}

void write_attribute(hid_t object, const char* name, hid_t type, const void* value) {
  const Handle utf8 = property_list(H5P_ATTRIBUTE_CREATE);
  H5Pset_char_encoding(utf8, H5T_CSET_UTF8);
  const Handle attribute(H5Acreate2(object, name, type, space_of({}), utf8, H5P_DEFAULT),
                         H5Aclose, name);
  check(H5Awrite(attribute, type, value) >= 0, name);
}

namespace {

// Chunks of whole rows, about a MiB of floats each.
Dimensions chunk_of(Dimensions dimensions) {
  constexpr hsize_t kChunkElements = hsize_t{1} << 18;
  const hsize_t row = product(dimensions) / dimensions.front();
  dimensions.front() = std::clamp<hsize_t>(kChunkElements / row, 1, dimensions.front());
  return dimensions;
}

// Small datasets are stored plain: a chunk costs more than gzip saves.
Handle dataset_properties(const Dimensions& dimensions, Storage storage) {
  constexpr hsize_t kWorthCompressing = 1024;
  Handle properties = property_list(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, false);  // equal records, equal files
  if (storage == Storage::kGzip && !dimensions.empty() &&
      product(dimensions) >= kWorthCompressing &&
      H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) {
    H5Pset_chunk(properties, int(dimensions.size()), chunk_of(dimensions).data());
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, 4);
  }
  return properties;
}

}  // namespace

void write_dataset(hid_t file, const std::string& name, const Dimensions& dimensions,
                   hid_t stored_type, hid_t type, const void* values, Storage storage) {
  const Handle links = property_list(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_char_encoding(links, H5T_CSET_UTF8);
  const Handle dataset(
      H5Dcreate2(file, c_text(name, "a name"), stored_type, space_of(dimensions), links,
                 dataset_properties(dimensions, storage), H5P_DEFAULT),
      H5Dclose, name);
  if (product(dimensions) == 0) return;
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0, name);
}

void write_integers(hid_t file, const char* name,
                    const std::vector<std::int32_t>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const auto fits = [&, first = low, last = high](auto limits) {
    return values.empty() || (*first >= limits.min() && *last <= limits.max());
  };
  const hid_t stored = fits(std::numeric_limits<std::uint8_t>{})   ? H5T_STD_U8LE
                       : fits(std::numeric_limits<std::int16_t>{}) ? H5T_STD_I16LE
                                                                   : H5T_STD_I32LE;
  write_dataset(file, name, {values.size()}, stored, H5T_NATIVE_INT32, values.data());
}

void write_texts(hid_t file, const std::string& name,
                 const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const auto& text : texts) pointers.push_back(c_text(text, name));
  write_dataset(file, name, {pointers.size()}, text_type(), text_type(), pointers.data());
}

// HDF5 drops empty parts and dots of a path, and two names would meet.
std::string path_below(const std::string& group, const std::string& name) {
  const std::string path = "/" + name + "/";
  const bool plain = path.find("//") == path.npos && path.find("/./") == path.npos;
  check(plain, fmt::format("{}/{}, which is no name HDF5 can keep", group, name));
  return group + "/" + name;
}

Handle new_group(hid_t file, const char* name) {
  return {H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, name};
}

namespace {

Handle memory_access() {
  Handle access = property_list(H5P_FILE_ACCESS);
  constexpr std::size_t kGrowth = std::size_t{1} << 20;
  check(H5Pset_fapl_core(access, kGrowth, false) >= 0, "memory");
  return access;
}

}  // namespace

Handle new_image() {
  return {H5Fcreate("in memory", H5F_ACC_TRUNC, H5P_DEFAULT, memory_access()), H5Fclose,
          "memory"};
}

std::string image_of(hid_t file) {
  check(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0, "memory");
  const auto size = H5Fget_file_image(file, nullptr, 0);
  check(size > 0, "memory");
  std::string image(std::size_t(size), '\0');
  check(H5Fget_file_image(file, image.data(), image.size()) == size, "memory");
  return image;
}

Handle open_image(std::string_view image) {
  const Handle access = memory_access();
  check(H5Pset_file_image(access, const_cast<char*>(image.data()), image.size()) >= 0,
        "memory");
  return {H5Fopen("in memory", H5F_ACC_RDONLY, access), H5Fclose, "HDF5's own parts"};
}

Handle open_dataset(hid_t file, const std::string& name) {
  return {H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, name};
}

Dimensions dimensions_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose, "a data space");
  Dimensions dimensions(std::size_t(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, dimensions.data(), nullptr);
  return dimensions;
}

std::vector<std::string> read_texts(hid_t file, const std::string& name) {
  const Handle dataset = open_dataset(file, name);
  const auto pointers = read_elements<char*>(dataset, text_type(), name);
  std::vector<std::string> texts;
  for (char* pointer : pointers) {
    texts.emplace_back(pointer ? pointer : "");
    H5free_memory(pointer);
  }
  return texts;
}

std::vector<std::string> dataset_names(hid_t file, const char* group_name) {
  const Handle group(H5Gopen2(file, group_name, H5P_DEFAULT), H5Gclose, group_name);
  std::vector<std::string> names;
  const auto add = [](hid_t parent, const char* name, const H5L_info_t*,
                      void* result) -> herr_t {
    const hid_t object = H5Oopen(parent, name, H5P_DEFAULT);
    if (H5Iget_type(object) == H5I_DATASET) {
      static_cast<std::vector<std::string>*>(result)->push_back(name);
    }
    return H5Oclose(object);
  };
  check(H5Lvisit(group, H5_INDEX_NAME, H5_ITER_INC, add, &names) >= 0, group_name);
  return names;
}

}  // namespace bitsweep::hdf5_image
