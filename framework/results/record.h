// What a run leaves behind: enough that a new metric needs no new training.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitsweep {

/// The version of the numbers: rises with every change that alters results, so that old
/// and new are never averaged together.
inline constexpr int kResultsVersion = 2;

/// What produced a result.
struct Provenance {
  std::string program;   // "bitsweep 0.1.0"
  std::string revision;  // of the source, "-dirty" when it had changes, "unknown"
  std::string compiler;  // "GCC 12.2.0"
  std::string arch;      // BITSWEEP_ARCH
  std::string engine;    // "oneDNN 2.6.3", "reference"
  std::string cpu;       // model name
  std::string host_os;
  int threads = 1;
  int continued = 0;    // how often the run was taken up from a checkpoint
  std::string started;  // UTC, ISO 8601
  double seconds = 0;   // of the run's own work
  double peak_memory_mb = 0;
  double images_per_second = 0;  // of the packed model's test score, on these threads
};

/// A named tensor of the trained network: "conv1/weight", [out, kh, kw, in].
struct StoredTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// How many bits one tensor takes, and why.
struct SizeEntry {
  std::string site;  // "conv1/weight", "bn1/scale"
  std::int64_t elements = 0;
  int bits = 32;               // of one element, or of one code
  std::int64_t side_bits = 0;  // scales, zero points, codebooks of this tensor
  bool quantized = false;
  std::int64_t pruned = 0;  // of the elements: 0 for good
  int code_elements = 1;    // that one code stands for
};

/// One convolution or linear layer as its packed model executes it.
struct ProductEntry {
  std::string layer;
  std::string kernel;  // "float", "integer: brgconv:avx512_core_amx_int8", ...
  std::int64_t multiply_accumulates = 0;  // of one image
  int weight_bits = 32;
  int input_bits = 32;
};

/// How the values of a quantized site lie among the levels of its grid.
struct SiteHistogram {
  std::string site;       // "conv1/weight"
  bool in_steps = false;  // told in units of each channel's scale, not as they are
  double low = 0;         // of the first bin
  double high = 1;        // of the last
  std::vector<double> counts = {};
  double grid_low = 0;  // the grid's ends; NaN where it has none to draw
  double grid_high = 0;
  /// Ascending, and the share of the values that take each; none of a grid of many.
  std::vector<double> levels = {};
  std::vector<double> level_shares = {};
  friend bool operator==(const SiteHistogram&, const SiteHistogram&) = default;
};

struct RunRecord {
  int results_version = kResultsVersion;
  std::string digest;          // of the canonical text
  std::string canonical_text;  // resolved configuration
  std::string data_title;      // the dataset's, "Fashion-MNIST"
  std::string data_checksum;
  std::string method;  // id
  std::int64_t seed = 1;
  std::string status = "done";  // done, failed
  std::string failure;          // why, when failed
  Provenance provenance;
  /// By name, one value an epoch: "train/loss", "train/accuracy", "validation/accuracy",
  /// "learning_rate", "health/conv1/weight/sqnr_db". Of health also one where nothing is
  /// trained.
  std::map<std::string, std::vector<double>> curves;
  /// By the metric's name: "test_accuracy" (a share, of the packed model as it executes),
  /// "simulated_accuracy" (of the network it was made of), "agreeing_predictions" (a
  /// share of the test images), "differing_predictions" (their number),
  /// "steps_to_boundary" (see `partings`), "largest_logit_difference", "largest_sum" (of
  /// integers, in magnitude), "file_bytes", "test_loss", "validation_accuracy".
  std::map<std::string, double> metrics;
  std::vector<std::int32_t> predictions;  // one a test image
  std::vector<std::int32_t> labels;       // one a test image
  std::vector<SizeEntry> sizes;
  std::vector<ProductEntry> products;
  std::vector<SiteHistogram> histograms;      // of quantized weights and activations
  std::vector<std::uint8_t> model;            // the packed model, as a file has it
  std::map<std::string, StoredTensor> state;  // parameters and running statistics
  // When read: whether the file holds them.
  bool has_state = false, has_model = false;
  std::vector<std::string> warnings;
  /// Where the packed model's execution and its simulation in float part, a sentence a
  /// site; none where all predictions are the same.
  std::vector<std::string> partings;
};

/// What the record of a finished run keeps: all, its packed model without the weights
/// that training left, or neither.
inline constexpr std::string_view kKept[] = {"state", "model", "predictions"};

/// Leaves out of the record what `kept` (one of `kKept`) does not keep.
void keep_only(std::string_view kept, RunRecord& record);

/// Writes under a temporary name beside `path` and renames: a reader sees all or nothing.
/// Throws RunError naming the path (disk full, no permission). Equal records give equal
/// files, but for the versions of HDF5 and zlib.
void write_record(const RunRecord& record, const std::filesystem::path& path);

/// Throws DataError when the file is missing, not a record, damaged, or of another
/// format.
RunRecord read_record(const std::filesystem::path& path);

/// How much of a summary is read, each with what comes before it; the rest is as in a new
/// record.
enum class SummaryDepth {
  kHead,    // single values: digest, status, metrics, provenance
  kTables,  // predictions, labels, sizes, products, texts
  kCurves,  // of training
  kPage,    // configuration, histograms of sites
  kAll,     // curves of health
};

/// Without `state` and `model`, for reports over many runs.
RunRecord read_record_summary(const std::filesystem::path& path,
                              SummaryDepth depth = SummaryDepth::kAll);

/// Of this process, now: call it when a run begins. The engine and the seconds are for
/// the caller to fill in, and the peak of memory again at the end.
Provenance current_provenance();

/// Names the binaries that make up this program, bit for bit: the build identifiers that
/// the linker gave to the program and to its library.
std::string current_build();

/// The most memory this process has had, in units of a million bytes.
double peak_memory_mb();

}  // namespace bitsweep
