// HDF5 files in memory: what records and checkpoints have in common. A failure is an
// `Hdf5Failure`, whose sentence lacks the file's name.
//
// Only for the .cpp files of this folder: it includes HDF5's own header.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/core/hdf5_handle.h"

namespace bitsweep::hdf5_image {

/// The library is not built for threads: hold it while you use any of this.
std::mutex& library_mutex();

/// A call of HDF5 that failed; the sentence lacks the path.
struct Hdf5Failure {
  std::string text;
};

void check(bool good, std::string_view what);

using hdf5::Silence;

struct Handle : hdf5::Handle {
  Handle(hid_t id, Close close, std::string_view what) : hdf5::Handle(id, close) {
    check(is_valid(), what);
  }
};

using Dimensions = std::vector<hsize_t>;

template <class T>
hid_t native_type() {
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<T, std::int8_t>) return H5T_NATIVE_INT8;
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
}

Handle text_type();
Handle property_list(hid_t kind);
Handle space_of(const Dimensions& dimensions);
hsize_t product(const Dimensions& dimensions);
/// A text that HDF5 can keep.
const char* c_text(const std::string& text, std::string_view what);

// ---- Writing ----

void write_attribute(hid_t object, const char* name, hid_t type, const void* value);

struct AttributeWriter {
  hid_t object;

  void operator()(const char* name, const std::string& value) const {
    const char* text = c_text(value, name);
    write_attribute(object, name, text_type(), &text);
  }
  template <class Number>
  void operator()(const char* name, const Number& value) const {
    write_attribute(object, name, native_type<Number>(), &value);
  }
};

/// How large datasets are stored.
enum class Storage { kGzip, kPlain };

void write_dataset(hid_t file, const std::string& name, const Dimensions& dimensions,
                   hid_t stored_type, hid_t type, const void* values,
                   Storage storage = Storage::kGzip);

template <class T>
void write_values(hid_t file, const std::string& name, const std::vector<T>& values,
                  Storage storage = Storage::kGzip) {
  write_dataset(file, name, {values.size()}, native_type<T>(), native_type<T>(),
                values.data(), storage);
}

/// In the narrowest of three types that holds them all.
void write_integers(hid_t file, const char* name,
                    const std::vector<std::int32_t>& values);
void write_texts(hid_t file, const std::string& name,
                 const std::vector<std::string>& texts);

/// "group/name"; fails where HDF5 would keep another name.
std::string path_below(const std::string& group, const std::string& name);
Handle new_group(hid_t file, const char* name);

/// A new file in memory, and its bytes once it is written.
Handle new_image();
std::string image_of(hid_t file);

// ---- Reading ----

/// The file that `image` holds, read-only.
Handle open_image(std::string_view image);

struct AttributeReader {
  hid_t object;

  void operator()(const char* name, std::string& value) const {
    const Handle attribute = open(name);
    char* text = nullptr;
    check(H5Aread(attribute, text_type(), &text) >= 0 && text, name);
    value = text;
    H5free_memory(text);
  }
  template <class Number>
  void operator()(const char* name, Number& value) const {
    check(H5Aread(open(name), native_type<Number>(), &value) >= 0, name);
  }

 private:
  Handle open(const char* name) const {
    return {H5Aopen(object, name, H5P_DEFAULT), H5Aclose, name};
  }
};

Handle open_dataset(hid_t file, const std::string& name);
Dimensions dimensions_of(hid_t dataset);

template <class T>
std::vector<T> read_elements(hid_t dataset, hid_t type, const std::string& name) {
  std::vector<T> values(product(dimensions_of(dataset)));
  if (values.empty()) return values;
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0, name);
  return values;
}

template <class T>
std::vector<T> read_values(hid_t file, const std::string& name) {
  return read_elements<T>(open_dataset(file, name), native_type<T>(), name);
}

std::vector<std::string> read_texts(hid_t file, const std::string& name);

/// Of all datasets below `group`, as paths relative to it.
std::vector<std::string> dataset_names(hid_t file, const char* group);

}  // namespace bitsweep::hdf5_image
