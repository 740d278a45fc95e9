// Run records as HDF5 files.
//
// HDF5 works in memory alone: the disk's failures are ours to report, and it never parses
// bytes that are not what was written (sealed_file.h). The summary behind the file has
// all but its tensors and the packed model.
//
// README.md in this folder documents the layout.

#include "framework/results/record.h"

#include <algorithm>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/health_curve.h"
#include "framework/results/hdf5_image.h"
#include "framework/results/provenance_fields.h"
#include "framework/results/sealed_file.h"

namespace bitsweep {
namespace {

using namespace hdf5_image;

constexpr std::int32_t kFormatVersion = 2;
constexpr SealKind kRecord = {
    .what = "run record",
    .expected = "; expected a .h5 file that `bitsweep run` wrote",
    .way_out = "; delete it and run again"};

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

void write_tensor(hid_t file, const std::string& name, const StoredTensor& tensor) {
  const Dimensions dimensions(tensor.shape.begin(), tensor.shape.end());
  check(product(dimensions) == tensor.values.size(),
        fmt::format("{}, whose {} values do not fill its shape", name,
                    tensor.values.size()));
  write_dataset(file, name, dimensions, H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT,
                tensor.values.data());
}

void write_summary(hid_t file, const RunRecord& record) {
  const AttributeWriter header{file};
  header("format", std::string("bitsweep run record"));
  header("format_version", kFormatVersion);
  visit_header(record, header);
  write_provenance(file, record.provenance);

  const Handle metrics = new_group(file, "metrics");
  for (const auto& [name, value] : record.metrics) {
    AttributeWriter{metrics}(c_text(name, "a metric"), value);
  }
  new_group(file, "curves");
  for (const auto& [name, values] : record.curves) {
    write_values(file, path_below("curves", name), values);
  }
  new_group(file, "histograms");
  for (const auto& histogram : record.histograms) write_histogram(file, histogram);
  const char* configuration = c_text(record.canonical_text, "the configuration");
  write_dataset(file, "configuration", {}, text_type(), text_type(), &configuration);
  write_integers(file, "predictions", record.predictions);
  write_integers(file, "labels", record.labels);
  write_sizes(file, record.sizes);
  write_products(file, record.products);
  write_texts(file, "warnings", record.warnings);
  write_texts(file, "partings", record.partings);
}

void write_tensors(hid_t file, const RunRecord& record) {
  new_group(file, "state");
  for (const auto& [name, tensor] : record.state) {
    write_tensor(file, path_below("state", name), tensor);
  }
  write_dataset(file, "model", {record.model.size()}, H5T_STD_U8LE, H5T_NATIVE_UINT8,
                record.model.data());
}

std::string image_of(const RunRecord& record) {
  const Handle file = new_image();
  write_summary(file, record);
  write_tensors(file, record);
  return hdf5_image::image_of(file);
}

constexpr auto kHasState = "has_state";
constexpr auto kHasModel = "has_model";

std::string summary_of(const RunRecord& record) {
  const Handle file = new_image();
  write_summary(file, record);
  AttributeWriter{file}(kHasState, std::int32_t(!record.state.empty()));
  AttributeWriter{file}(kHasModel, std::int32_t(!record.model.empty()));
  return hdf5_image::image_of(file);
}

// ---- Reading ----

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

bool has_state(hid_t file) { return !dataset_names(file, "state").empty(); }
bool has_model(hid_t file) {
  return product(dimensions_of(open_dataset(file, "model"))) > 0;
}

// A summary says so; a whole file shows it.
bool has_part(hid_t file, const char* attribute, bool (*shows)(hid_t)) {
  if (H5Aexists(file, attribute) <= 0) return shows(file);
  std::int32_t has = 0;
  AttributeReader{file}(attribute, has);
  return has != 0;
}

void read_curves(hid_t file, bool with_health, RunRecord& record) {
  for (const auto& name : dataset_names(file, "curves")) {
    if (!with_health && is_health_curve(name)) continue;
    record.curves[name] = read_values<double>(file, "curves/" + name);
  }
}

RunRecord read_summary(hid_t file, SummaryDepth depth) {
  RunRecord record;
  visit_header(record, AttributeReader{file});
  read_provenance(file, record.provenance);
  record.metrics = read_metrics(file);
  record.has_state = has_part(file, kHasState, has_state);
  record.has_model = has_part(file, kHasModel, has_model);
  if (depth < SummaryDepth::kTables) return record;
  record.predictions = read_values<std::int32_t>(file, "predictions");
  record.labels = read_values<std::int32_t>(file, "labels");
  record.sizes = read_sizes(file);
  record.products = read_products(file);
  record.warnings = read_texts(file, "warnings");
  // Not in files from before it was there.
  if (H5Lexists(file, "partings", H5P_DEFAULT) > 0) {
    record.partings = read_texts(file, "partings");
  }
  if (depth >= SummaryDepth::kCurves) {
    read_curves(file, depth >= SummaryDepth::kAll, record);
  }
  if (depth >= SummaryDepth::kPage) {
    record.canonical_text = read_texts(file, "configuration").front();
    record.histograms = read_histograms(file);
  }
  return record;
}

std::map<std::string, StoredTensor> read_state(hid_t file) {
  std::map<std::string, StoredTensor> state;
  for (const auto& name : dataset_names(file, "state")) {
    state[name] = read_tensor(file, "state/" + name);
  }
  return state;
}

// The sentence of `check_format` is whole; what fails behind it is named by the part that
// is wrong.
RunRecord read_image(std::string_view image, SummaryDepth depth, bool with_tensors) {
  const Handle file = open_image(image);
  check_format(file);
  try {
    RunRecord record = read_summary(file, depth);
    if (!with_tensors) return record;
    record.state = read_state(file);
    const Handle model = open_dataset(file, "model");
    record.model = read_elements<std::uint8_t>(model, H5T_NATIVE_UINT8, "model");
    return record;
  } catch (const Hdf5Failure& failure) {
    throw Hdf5Failure{fmt::format("a run record without a readable '{}'", failure.text)};
  }
}

RunRecord read(const std::filesystem::path& path, SummaryDepth depth, bool with_tensors) {
  const auto image =
      with_tensors ? read_sealed(path, kRecord) : read_sealed_summary(path, kRecord);
  const std::lock_guard lock(library_mutex());
  const Silence silence;
  try {
    return read_image(image, depth, with_tensors);
  } catch (const Hdf5Failure& failure) {
    throw DataError(fmt::format("{}: {}", path.string(), failure.text));
  }
}

}  // namespace

void keep_only(std::string_view kept, RunRecord& record) {
  if (kept == kKept[0]) return;
  record.state.clear();
  if (kept == kKept[2]) record.model.clear();
}

void write_record(const RunRecord& record, const std::filesystem::path& path) {
  std::string image, summary;
  {
    const std::lock_guard lock(library_mutex());
    const Silence silence;
    try {
      image = image_of(record);
      summary = summary_of(record);
    } catch (const Hdf5Failure& failure) {
      throw RunError(fmt::format("{}: cannot store {}", path.string(), failure.text));
    }
  }
  write_sealed(path, kRecord, image, summary);
}

RunRecord read_record(const std::filesystem::path& path) {
  return read(path, SummaryDepth::kAll, true);
}

RunRecord read_record_summary(const std::filesystem::path& path, SummaryDepth depth) {
  return read(path, depth, false);
}

}  // namespace bitsweep
