// Run records as HDF5 files.
//
// A file begins with a seal, 512 bytes of text: what the file is, the number of bytes
// behind the seal and their SHA-256. HDF5 itself follows; it looks for its signature at
// byte 512 too, so that other programs read the file as it is. HDF5 works in memory
// alone: the disk's failures are ours to report, and it never parses bytes that are not
// what was written.
//
// README.md in this folder documents the layout.

#include "framework/results/record.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/core/hdf5_handle.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

constexpr std::int32_t kFormatVersion = 2;
constexpr auto kFormat = "bitsweep run record";

// The library is not built for threads.
std::mutex hdf5_mutex;

/// A call of HDF5 that failed; the sentence lacks the path.
struct Hdf5Failure {
  std::string text;
};

void check(bool good, std::string_view what) {
  if (!good) throw Hdf5Failure{std::string(what)};
}

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
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
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

// ---- The attributes, named once for both directions. ----

template <class Record, class Visitor>
void visit_header(Record& record, Visitor&& visit) {
  visit("results_version", record.results_version);
  visit("digest", record.digest);
  visit("data_title", record.data_title);
  visit("data_checksum", record.data_checksum);
  visit("method", record.method);
  visit("seed", record.seed);
  visit("status", record.status);
  visit("failure", record.failure);
}

template <class Provenance, class Visitor>
void visit_provenance(Provenance& provenance, Visitor&& visit) {
  visit("program", provenance.program);
  visit("revision", provenance.revision);
  visit("compiler", provenance.compiler);
  visit("arch", provenance.arch);
  visit("engine", provenance.engine);
  visit("cpu", provenance.cpu);
  visit("host_os", provenance.host_os);
  visit("threads", provenance.threads);
  visit("started", provenance.started);
  visit("seconds", provenance.seconds);
  visit("peak_memory_mb", provenance.peak_memory_mb);
  visit("images_per_second", provenance.images_per_second);
}

/// One of /sizes, as it lies in memory and in the file.
struct StoredSize {
  const char* site;
  std::int64_t elements;
  std::int64_t side_bits;
  std::int64_t pruned;
  std::int32_t bits;
  std::int32_t code_elements;
  std::uint8_t quantized;
};

Handle size_type() {
  Handle type(H5Tcreate(H5T_COMPOUND, sizeof(StoredSize)), H5Tclose, "no size type");
  H5Tinsert(type, "site", HOFFSET(StoredSize, site), text_type());
  H5Tinsert(type, "elements", HOFFSET(StoredSize, elements), H5T_NATIVE_INT64);
  H5Tinsert(type, "bits", HOFFSET(StoredSize, bits), H5T_NATIVE_INT32);
  H5Tinsert(type, "side_bits", HOFFSET(StoredSize, side_bits), H5T_NATIVE_INT64);
  H5Tinsert(type, "pruned", HOFFSET(StoredSize, pruned), H5T_NATIVE_INT64);
  H5Tinsert(type, "code_elements", HOFFSET(StoredSize, code_elements), H5T_NATIVE_INT32);
  H5Tinsert(type, "quantized", HOFFSET(StoredSize, quantized), H5T_NATIVE_UINT8);
  return type;
}

/// One of /products, likewise.
struct StoredProduct {
  const char* layer;
  const char* kernel;
  std::int64_t multiply_accumulates;
  std::int32_t weight_bits;
  std::int32_t input_bits;
};

Handle product_type() {
  Handle type(H5Tcreate(H5T_COMPOUND, sizeof(StoredProduct)), H5Tclose, "no type");
  H5Tinsert(type, "layer", HOFFSET(StoredProduct, layer), text_type());
  H5Tinsert(type, "kernel", HOFFSET(StoredProduct, kernel), text_type());
  H5Tinsert(type, "multiply_accumulates", HOFFSET(StoredProduct, multiply_accumulates),
            H5T_NATIVE_INT64);
  H5Tinsert(type, "weight_bits", HOFFSET(StoredProduct, weight_bits), H5T_NATIVE_INT32);
  H5Tinsert(type, "input_bits", HOFFSET(StoredProduct, input_bits), H5T_NATIVE_INT32);
  return type;
}

// ---- Writing ----

void write_attribute(hid_t object, const char* name, hid_t type, const void* value) {
  const Handle utf8 = property_list(H5P_ATTRIBUTE_CREATE);
  H5Pset_char_encoding(utf8, H5T_CSET_UTF8);
  const Handle attribute(H5Acreate2(object, name, type, space_of({}), utf8, H5P_DEFAULT),
                         H5Aclose, name);
  check(H5Awrite(attribute, type, value) >= 0, name);
}

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

// Chunks of whole rows, about a MiB of floats each.
Dimensions chunk_of(Dimensions dimensions) {
  constexpr hsize_t kChunkElements = hsize_t{1} << 18;
  const hsize_t row = product(dimensions) / dimensions.front();
  dimensions.front() = std::clamp<hsize_t>(kChunkElements / row, 1, dimensions.front());
  return dimensions;
}

// Small datasets are stored plain: a chunk costs more than gzip saves.
Handle dataset_properties(const Dimensions& dimensions) {
  constexpr hsize_t kWorthCompressing = 1024;
  Handle properties = property_list(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, false);  // equal records, equal files
  if (!dimensions.empty() && product(dimensions) >= kWorthCompressing &&
      H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) {
    H5Pset_chunk(properties, int(dimensions.size()), chunk_of(dimensions).data());
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, 4);
  }
  return properties;
}

void write_dataset(hid_t file, const std::string& name, const Dimensions& dimensions,
                   hid_t stored_type, hid_t type, const void* values) {
  const Handle links = property_list(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_char_encoding(links, H5T_CSET_UTF8);
  const Handle dataset(
      H5Dcreate2(file, c_text(name, "a name"), stored_type, space_of(dimensions), links,
                 dataset_properties(dimensions), H5P_DEFAULT),
      H5Dclose, name);
  if (product(dimensions) == 0) return;
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0, name);
}

template <class T>
void write_values(hid_t file, const std::string& name, const std::vector<T>& values) {
  write_dataset(file, name, {values.size()}, native_type<T>(), native_type<T>(),
                values.data());
}

// In the narrowest of three types that holds them all.
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

void write_texts(hid_t file, const char* name, const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const auto& text : texts) pointers.push_back(c_text(text, name));
  write_dataset(file, name, {pointers.size()}, text_type(), text_type(), pointers.data());
}

void write_sizes(hid_t file, const std::vector<SizeEntry>& sizes) {
  std::vector<StoredSize> stored;
  for (const auto& size : sizes) {
    StoredSize& entry = stored.emplace_back();
    entry.site = c_text(size.site, "a site");
    entry.elements = size.elements;
    entry.side_bits = size.side_bits;
    entry.pruned = size.pruned;
    entry.bits = size.bits;
    entry.code_elements = size.code_elements;
    entry.quantized = size.quantized;
  }
  write_dataset(file, "sizes", {stored.size()}, size_type(), size_type(), stored.data());
}

void write_products(hid_t file, const std::vector<ProductEntry>& products) {
  std::vector<StoredProduct> stored;
  for (const auto& product : products) {
    stored.push_back({c_text(product.layer, "a layer"),
                      c_text(product.kernel, "a kernel"), product.multiply_accumulates,
                      product.weight_bits, product.input_bits});
  }
  write_dataset(file, "products", {stored.size()}, product_type(), product_type(),
                stored.data());
}

/// The attributes of one of /histograms.
template <class Histogram, class Visitor>
void visit_histogram(Histogram& histogram, Visitor&& visit) {
  visit("low", histogram.low);
  visit("high", histogram.high);
  visit("grid_low", histogram.grid_low);
  visit("grid_high", histogram.grid_high);
}

// HDF5 drops empty parts and dots of a path, and two names would meet.
std::string path_below(const std::string& group, const std::string& name) {
  const std::string path = "/" + name + "/";
  const bool plain = path.find("//") == path.npos && path.find("/./") == path.npos;
  check(plain, fmt::format("{}/{}, which is no name HDF5 can keep", group, name));
  return group + "/" + name;
}

void write_tensor(hid_t file, const std::string& name, const StoredTensor& tensor) {
  const Dimensions dimensions(tensor.shape.begin(), tensor.shape.end());
  check(product(dimensions) == tensor.values.size(),
        fmt::format("{}, whose {} values do not fill its shape", name,
                    tensor.values.size()));
  write_dataset(file, name, dimensions, H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT,
                tensor.values.data());
}

Handle open_dataset(hid_t file, const std::string& name) {
  return {H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, name};
}

void write_histogram(hid_t file, const SiteHistogram& histogram) {
  const std::string path = path_below("histograms", histogram.site);
  write_values(file, path + "/counts", histogram.counts);
  write_values(file, path + "/levels", histogram.levels);
  write_values(file, path + "/level_shares", histogram.level_shares);
  const Handle counts = open_dataset(file, path + "/counts");
  const AttributeWriter attributes{counts};
  visit_histogram(histogram, attributes);
  attributes("in_steps", std::int32_t(histogram.in_steps));
}

Handle new_group(hid_t file, const char* name) {
  return {H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, name};
}

void write_contents(hid_t file, const RunRecord& record) {
  const AttributeWriter header{file};
  header("format", std::string(kFormat));
  header("format_version", kFormatVersion);
  visit_header(record, header);
  visit_provenance(record.provenance, AttributeWriter{new_group(file, "provenance")});

  const Handle metrics = new_group(file, "metrics");
  for (const auto& [name, value] : record.metrics) {
    AttributeWriter{metrics}(c_text(name, "a metric"), value);
  }
  new_group(file, "curves");
  for (const auto& [name, values] : record.curves) {
    write_values(file, path_below("curves", name), values);
  }
  new_group(file, "state");
  for (const auto& [name, tensor] : record.state) {
    write_tensor(file, path_below("state", name), tensor);
  }
  new_group(file, "histograms");
  for (const auto& histogram : record.histograms) write_histogram(file, histogram);
  const char* configuration = c_text(record.canonical_text, "the configuration");
  write_dataset(file, "configuration", {}, text_type(), text_type(), &configuration);
  write_integers(file, "predictions", record.predictions);
  write_integers(file, "labels", record.labels);
  write_sizes(file, record.sizes);
  write_products(file, record.products);
  write_dataset(file, "model", {record.model.size()}, H5T_STD_U8LE, H5T_NATIVE_UINT8,
                record.model.data());
  write_texts(file, "warnings", record.warnings);
  write_texts(file, "partings", record.partings);
}

Handle memory_access() {
  Handle access = property_list(H5P_FILE_ACCESS);
  constexpr std::size_t kGrowth = std::size_t{1} << 20;
  check(H5Pset_fapl_core(access, kGrowth, false) >= 0, "memory");
  return access;
}

// The HDF5 file, in memory.
std::string image_of(const RunRecord& record) {
  const Handle file(H5Fcreate("run record", H5F_ACC_TRUNC, H5P_DEFAULT, memory_access()),
                    H5Fclose, "memory");
  write_contents(file, record);
  check(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0, "memory");
  const auto size = H5Fget_file_image(file, nullptr, 0);
  check(size > 0, "memory");
  std::string image(std::size_t(size), '\0');
  check(H5Fget_file_image(file, image.data(), image.size()) == size, "memory");
  return image;
}

// ---- The seal ----

constexpr std::size_t kSealSize = 512;

std::string seal_of(std::string_view image) {
  std::string seal =
      fmt::format("{}\nbytes {}\nsha256 {}\n", kFormat, image.size(), sha256_hex(image));
  seal.resize(kSealSize, '\n');
  return seal;
}

// The HDF5 file behind the seal, once its bytes are seen to be all there and right.
std::string_view sealed_image(std::string_view bytes) {
  constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";
  if (bytes.starts_with(kHdf5Signature)) {
    throw Hdf5Failure{
        "an HDF5 file, but not a run record of bitsweep; expected a .h5 file that "
        "`bitsweep run` wrote"};
  }
  if (!bytes.starts_with(std::string(kFormat) + "\n")) {
    throw Hdf5Failure{
        "not a run record of bitsweep; expected a .h5 file that `bitsweep run` wrote"};
  }
  const std::string seal(bytes.substr(0, kSealSize));
  std::size_t expected = 0;
  const bool has_size = std::sscanf(seal.c_str(), "%*[^\n]\nbytes %zu\n", &expected) == 1;
  if (seal.size() < kSealSize || (has_size && bytes.size() < kSealSize + expected)) {
    throw Hdf5Failure{
        fmt::format("{} bytes, expected {}: the file is cut off; run it again",
                    bytes.size(), kSealSize + expected)};
  }
  const auto image = bytes.substr(kSealSize);
  if (seal != seal_of(image)) {
    throw Hdf5Failure{
        "its bytes do not match its checksum: the file is damaged; delete it and run "
        "again"};
  }
  return image;
}

// ---- Reading ----

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

Dimensions dimensions_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose, "a data space");
  Dimensions dimensions(std::size_t(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, dimensions.data(), nullptr);
  return dimensions;
}

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

// Files from before a column was there have 0 in it.
std::vector<SizeEntry> read_sizes(hid_t file) {
  const Handle dataset = open_dataset(file, "sizes");
  std::vector<SizeEntry> sizes;
  for (const auto& stored : read_elements<StoredSize>(dataset, size_type(), "sizes")) {
    sizes.push_back({.site = stored.site,
                     .elements = stored.elements,
                     .bits = stored.bits,
                     .side_bits = stored.side_bits,
                     .quantized = stored.quantized != 0,
                     .pruned = stored.pruned,
                     .code_elements = std::max(1, stored.code_elements)});
    H5free_memory(const_cast<char*>(stored.site));
  }
  return sizes;
}

std::vector<ProductEntry> read_products(hid_t file) {
  const Handle dataset = open_dataset(file, "products");
  std::vector<ProductEntry> products;
  for (const auto& stored :
       read_elements<StoredProduct>(dataset, product_type(), "products")) {
    products.push_back({stored.layer, stored.kernel, stored.multiply_accumulates,
                        stored.weight_bits, stored.input_bits});
    H5free_memory(const_cast<char*>(stored.layer));
    H5free_memory(const_cast<char*>(stored.kernel));
  }
  return products;
}

std::map<std::string, double> read_metrics(hid_t file) {
  const Handle group(H5Gopen2(file, "metrics", H5P_DEFAULT), H5Gclose, "metrics");
  std::map<std::string, double> metrics;
  const auto add = [](hid_t object, const char* name, const H5A_info_t*,
                      void* result) -> herr_t {
    double value = 0;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    const herr_t status = H5Aread(attribute, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(attribute);
    (*static_cast<std::map<std::string, double>*>(result))[name] = value;
    return status;
  };
  check(H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &metrics) >= 0,
        "metrics");
  return metrics;
}

// Of all datasets below `group`, as paths relative to it.
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

// In the order of their names; none in records from before there were any.
std::vector<SiteHistogram> read_histograms(hid_t file) {
  if (H5Lexists(file, "histograms", H5P_DEFAULT) <= 0) return {};
  std::vector<SiteHistogram> histograms;
  constexpr std::string_view kCounts = "/counts";
  for (const auto& name : dataset_names(file, "histograms")) {
    if (!name.ends_with(kCounts)) continue;
    SiteHistogram& histogram = histograms.emplace_back();
    histogram.site = name.substr(0, name.size() - kCounts.size());
    const std::string path = "histograms/" + histogram.site;
    histogram.counts = read_values<double>(file, path + "/counts");
    histogram.levels = read_values<double>(file, path + "/levels");
    histogram.level_shares = read_values<double>(file, path + "/level_shares");
    const Handle counts = open_dataset(file, path + "/counts");
    std::int32_t in_steps = 0;
    visit_histogram(histogram, AttributeReader{counts});
    AttributeReader{counts}("in_steps", in_steps);
    histogram.in_steps = in_steps != 0;
  }
  return histograms;
}

StoredTensor read_tensor(hid_t file, const std::string& name) {
  const Handle dataset = open_dataset(file, name);
  const auto dimensions = dimensions_of(dataset);
  return {{dimensions.begin(), dimensions.end()},
          read_elements<float>(dataset, H5T_NATIVE_FLOAT, name)};
}

void check_format(hid_t file) {
  std::int32_t version = 0;
  AttributeReader{file}("format_version", version);
  if (version != kFormatVersion) {
    throw Hdf5Failure{
        fmt::format("a run record of format {}, this program reads {}; run it "
                    "again or use the program that wrote it",
                    version, kFormatVersion)};
  }
}

RunRecord read_contents(hid_t file) {
  RunRecord record;
  visit_header(record, AttributeReader{file});
  const Handle provenance(H5Gopen2(file, "provenance", H5P_DEFAULT), H5Gclose,
                          "provenance");
  visit_provenance(record.provenance, AttributeReader{provenance});
  record.metrics = read_metrics(file);
  for (const auto& name : dataset_names(file, "curves")) {
    record.curves[name] = read_values<double>(file, "curves/" + name);
  }
  record.canonical_text = read_texts(file, "configuration").front();
  record.predictions = read_values<std::int32_t>(file, "predictions");
  record.labels = read_values<std::int32_t>(file, "labels");
  record.sizes = read_sizes(file);
  record.products = read_products(file);
  record.histograms = read_histograms(file);
  record.warnings = read_texts(file, "warnings");
  // Not in files from before it was there.
  if (H5Lexists(file, "partings", H5P_DEFAULT) > 0) {
    record.partings = read_texts(file, "partings");
  }
  record.has_state = !dataset_names(file, "state").empty();
  record.has_model = product(dimensions_of(open_dataset(file, "model"))) > 0;
  return record;
}

std::map<std::string, StoredTensor> read_state(hid_t file) {
  std::map<std::string, StoredTensor> state;
  for (const auto& name : dataset_names(file, "state")) {
    state[name] = read_tensor(file, "state/" + name);
  }
  return state;
}

Handle open_image(std::string_view image) {
  const Handle access = memory_access();
  check(H5Pset_file_image(access, const_cast<char*>(image.data()), image.size()) >= 0,
        "memory");
  return {H5Fopen("run record", H5F_ACC_RDONLY, access), H5Fclose, "HDF5's own parts"};
}

// The sentences of `sealed_image` and `check_format` are whole; what fails behind them is
// named by the part that is wrong.
RunRecord read_image(std::string_view bytes, bool with_state) {
  const Handle file = open_image(sealed_image(bytes));
  check_format(file);
  try {
    RunRecord record = read_contents(file);
    if (!with_state) return record;
    record.state = read_state(file);
    const Handle model = open_dataset(file, "model");
    record.model = read_elements<std::uint8_t>(model, H5T_NATIVE_UINT8, "model");
    return record;
  } catch (const Hdf5Failure& failure) {
    throw Hdf5Failure{fmt::format("a run record without a readable '{}'", failure.text)};
  }
}

RunRecord read(const std::filesystem::path& path, bool with_state) {
  const auto bytes = read_whole_file(path);
  const std::lock_guard lock(hdf5_mutex);
  const hdf5::Silence silence;
  try {
    return read_image(bytes, with_state);
  } catch (const Hdf5Failure& failure) {
    throw DataError(fmt::format("{}: {}", path.string(), failure.text));
  }
}

std::string sealed(const RunRecord& record, const std::filesystem::path& path) {
  const std::lock_guard lock(hdf5_mutex);
  const hdf5::Silence silence;
  try {
    const auto image = image_of(record);
    return seal_of(image) + image;
  } catch (const Hdf5Failure& failure) {
    throw RunError(fmt::format("{}: cannot store {}", path.string(), failure.text));
  }
}

}  // namespace

void keep_only(std::string_view kept, RunRecord& record) {
  if (kept == kKept[0]) return;
  record.state.clear();
  if (kept == kKept[2]) record.model.clear();
}

void write_record(const RunRecord& record, const std::filesystem::path& path) {
  write_whole_file(path, sealed(record, path));
}

RunRecord read_record(const std::filesystem::path& path) { return read(path, true); }

RunRecord read_record_summary(const std::filesystem::path& path) {
  return read(path, false);
}

}  // namespace bitsweep
