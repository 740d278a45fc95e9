#include "framework/results/record.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/results/whole_file.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using bitsweep::testing::ScratchFolder;
using Catch::Matchers::Contains;

namespace {

RunRecord full_record() {
  RunRecord record;
  record.results_version = 7;
  record.digest = std::string(64, 'd');
  record.canonical_text = "name: größe\nseed: 3\n";
  record.data_title = "Fashion-MNIST";
  record.data_checksum = std::string(64, 'c');
  record.method = "twn";
  record.seed = 9007199254740993;  // 2^53 + 1: no double holds it
  record.status = "failed";
  record.failure = "conv1/weight: step became NaN at epoch 3";
  record.provenance = {"bitsweep 0.1.0",
                       "abc-dirty",
                       "GCC 12.2.0",
                       "x86-64-v3",
                       "reference",
                       "A \"CPU\" @ 2 GHz",
                       "Debian",
                       3,
                       2,
                       "2024-05-06T07:08:09Z",
                       12.3,
                       0.1 + 0.2,
                       1234.5};
  record.curves["train/loss"] = {2.3,
                                 0.1 + 0.2,
                                 std::numeric_limits<double>::quiet_NaN(),
                                 std::numeric_limits<double>::infinity(),
                                 -0.0,
                                 5e-324};
  record.curves["train/accuracy"] = {0.5};
  record.curves["seconds"] = {};
  record.metrics = {{"test_accuracy", 0.9876},
                    {"test_loss", std::numeric_limits<double>::quiet_NaN()},
                    {"odd/näme", -1e300}};
  record.predictions = {0, 9, 255, 3};
  record.labels = {0, 9, 1000, -3};
  record.sizes = {{"conv1/weight", 500, 2, 32, true},
                  {"bn1/scale", 1ll << 40, 32, 0, false}};
  record.state["conv1/weight"] = {{2, 1, 1, 3}, {1, -0.0f, 3, 1e-45f, 5, 6}};
  record.state["block/conv2/bias"] = {{0}, {}};
  record.state["step"] = {{}, {0.25f}};
  record.products = {{"conv1", "float", 1ll << 33, 32, 32},
                     {"fc1", "xor and popcount: größer", 409600, 1, 1}};
  record.histograms = {
      {"conv1/input", false, 0, 2.5, {3, 0, 1}, 0, 2, {0, 1, 2}, {0.5, 0.5, 0}},
      {"conv1/weight", true, -9, 9, {7}, -8, 7, {}, {}}};
  record.model = {'B', 'S', 'W', 'M', 1, 0, 255};
  record.warnings = {"first", "", "zweite: größer"};
  return record;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * sizeof(T)));
}

void check_equal(const RunRecord& a, const RunRecord& b) {
  CHECK(a.results_version == b.results_version);
  CHECK(a.digest == b.digest);
  CHECK(a.canonical_text == b.canonical_text);
  CHECK(a.data_title == b.data_title);
  CHECK(a.data_checksum == b.data_checksum);
  CHECK(a.method == b.method);
  CHECK(a.seed == b.seed);
  CHECK(a.status == b.status);
  CHECK(a.failure == b.failure);
  CHECK(a.provenance.program == b.provenance.program);
  CHECK(a.provenance.revision == b.provenance.revision);
  CHECK(a.provenance.compiler == b.provenance.compiler);
  CHECK(a.provenance.arch == b.provenance.arch);
  CHECK(a.provenance.engine == b.provenance.engine);
  CHECK(a.provenance.cpu == b.provenance.cpu);
  CHECK(a.provenance.host_os == b.provenance.host_os);
  CHECK(a.provenance.threads == b.provenance.threads);
  CHECK(a.provenance.started == b.provenance.started);
  CHECK(a.provenance.seconds == b.provenance.seconds);
  CHECK(a.provenance.peak_memory_mb == b.provenance.peak_memory_mb);
  CHECK(a.provenance.continued == b.provenance.continued);
  CHECK(a.provenance.images_per_second == b.provenance.images_per_second);
  REQUIRE(a.curves.size() == b.curves.size());
  for (const auto& [name, values] : a.curves) CHECK(same_bits(values, b.curves.at(name)));
  REQUIRE(a.metrics.size() == b.metrics.size());
  for (const auto& [name, value] : a.metrics) {
    CHECK(same_bits<double>({value}, {b.metrics.at(name)}));
  }
  CHECK(a.predictions == b.predictions);
  CHECK(a.labels == b.labels);
  REQUIRE(a.sizes.size() == b.sizes.size());
  for (std::size_t i = 0; i < a.sizes.size(); ++i) {
    CHECK(a.sizes[i].site == b.sizes[i].site);
    CHECK(a.sizes[i].elements == b.sizes[i].elements);
    CHECK(a.sizes[i].bits == b.sizes[i].bits);
    CHECK(a.sizes[i].side_bits == b.sizes[i].side_bits);
    CHECK(a.sizes[i].quantized == b.sizes[i].quantized);
  }
  REQUIRE(a.products.size() == b.products.size());
  for (std::size_t i = 0; i < a.products.size(); ++i) {
    CHECK(a.products[i].layer == b.products[i].layer);
    CHECK(a.products[i].kernel == b.products[i].kernel);
    CHECK(a.products[i].multiply_accumulates == b.products[i].multiply_accumulates);
    CHECK(a.products[i].weight_bits == b.products[i].weight_bits);
    CHECK(a.products[i].input_bits == b.products[i].input_bits);
  }
  CHECK(a.histograms == b.histograms);
  REQUIRE(a.state.size() == b.state.size());
  for (const auto& [name, tensor] : a.state) {
    CHECK(tensor.shape == b.state.at(name).shape);
    CHECK(same_bits(tensor.values, b.state.at(name).values));
  }
  CHECK(a.warnings == b.warnings);
}

StoredTensor random_tensor(std::vector<std::int64_t> shape, std::size_t size) {
  const RandomStream random(1, "test");
  StoredTensor tensor{std::move(shape), std::vector<float>(size)};
  for (std::size_t i = 0; i < size; ++i) {
    tensor.values[i] = float(random.normal_at(std::uint32_t(i)));
  }
  return tensor;
}

bool python(const std::filesystem::path& script, const std::filesystem::path& file) {
  return std::system(
             ("/usr/bin/python3 " + script.string() + " " + file.string()).c_str()) == 0;
}

// Runs a line of Python on the HDF5 file `f` behind the seal, and seals it anew.
void change_within(const std::filesystem::path& path, const std::string& line) {
  std::ofstream(path.string() + ".py") << R"(
import hashlib, io, sys, h5py
bytes = open(sys.argv[1], 'rb').read()
image = io.BytesIO(bytes[512:512 + int(bytes.split(b'\n')[1].split()[1])])
with h5py.File(image, 'r+') as f:
    )" << line << R"(
image = image.getvalue()  # without a summary
seal = 'bitsweep run record\nbytes %d\nsha256 %s\n' % (len(image), hashlib.sha256(image).hexdigest())
open(sys.argv[1], 'wb').write(seal.ljust(512, '\n').encode() + image)
)";
  REQUIRE(python(path.string() + ".py", path));
}

bool python_has_h5py() {
  if (std::system("/usr/bin/python3 -c 'import h5py' >/dev/null 2>&1") == 0) return true;
  WARN("python3 has no h5py; skipped");
  return false;
}

}  // namespace

TEST_CASE("a record is read back exactly, NaN and all") {
  const ScratchFolder folder;
  const auto record = full_record();
  write_record(record, folder / "run.h5");
  check_equal(record, read_record(folder / "run.h5"));
  CHECK(folder.entries() == 1);
}

TEST_CASE("a record with nothing in it is read back") {
  const ScratchFolder folder;
  write_record({}, folder / "run.h5");
  check_equal({}, read_record(folder / "run.h5"));
}

TEST_CASE("a summary is the record without its state") {
  const ScratchFolder folder;
  auto record = full_record();
  write_record(record, folder / "run.h5");
  record.state.clear();
  check_equal(record, read_record_summary(folder / "run.h5"));
}

TEST_CASE("a summary is read without the tensors") {
  const ScratchFolder folder;
  auto record = full_record();
  record.state["fc/weight"] = random_tensor({300, 100}, 30'000);
  write_record(record, folder / "run.h5");
  auto bytes = read_whole_file(folder / "run.h5");
  const auto middle = 512 + (bytes.size() - 512) / 2;  // of the tensor, by its size
  bytes[middle] = char(bytes[middle] ^ 4);
  write_whole_file(folder / "run.h5", bytes);
  CHECK_THROWS_WITH(read_record(folder / "run.h5"), Contains("the file is damaged"));
  const RunRecord summary = read_record_summary(folder / "run.h5");
  CHECK(summary.has_state);
  CHECK(summary.state.empty());
  CHECK(summary.digest == record.digest);

  bytes.back() = char(bytes.back() ^ 4);
  write_whole_file(folder / "run.h5", bytes);
  CHECK_THROWS_WITH(read_record_summary(folder / "run.h5"),
                    Contains("run.h5: its bytes do not match its checksum"));
  write_whole_file(folder / "run.h5", bytes.substr(0, bytes.size() - 1));
  CHECK_THROWS_WITH(read_record_summary(folder / "run.h5"), Contains("cut off"));
}

TEST_CASE("a record from before there were summaries is read") {
  const ScratchFolder folder;
  const auto record = full_record();
  write_record(record, folder / "run.h5");
  if (!python_has_h5py()) return;
  change_within(folder / "run.h5", "f.attrs['seed'] = f.attrs['seed']");
  CHECK(read_record_summary(folder / "run.h5").digest == record.digest);
  CHECK(read_record_summary(folder / "run.h5").has_state);
  check_equal(record, read_record(folder / "run.h5"));
}

TEST_CASE("large tensors of any shape survive compression") {
  const ScratchFolder folder;
  RunRecord record;
  record.state["fc/weight"] = random_tensor({700, 1000}, 700'000);
  record.state["wide/weight"] = random_tensor({2, 300'000}, 600'000);
  record.state["flat/weight"] = random_tensor({1025}, 1025);
  record.state["conv/weight"] = {{64, 3, 3, 64}, std::vector<float>(36864, 0.5f)};
  record.predictions.assign(10'000, 7);
  write_record(record, folder / "run.h5");
  check_equal(record, read_record(folder / "run.h5"));
}

TEST_CASE("codes on few levels take far less room than floats") {
  const ScratchFolder folder;
  RunRecord record;
  StoredTensor tensor = random_tensor({1000, 1000}, 1'000'000);
  for (auto& value : tensor.values) value = value < 0 ? -0.37f : 0.37f;
  record.state["fc/weight"] = tensor;
  record.predictions = std::vector<std::int32_t>(10'000, 3);
  write_record(record, folder / "run.h5");
  CHECK(std::filesystem::file_size(folder / "run.h5") < 400'000);  // of 4 MB
}

TEST_CASE("equal records give equal files") {
  const ScratchFolder folder;
  auto record = full_record();
  record.state["fc/weight"] = random_tensor({300, 100}, 30'000);
  write_record(record, folder / "a.h5");
  write_record(record, folder / "b.h5");
  CHECK(read_whole_file(folder / "a.h5") == read_whole_file(folder / "b.h5"));
}

TEST_CASE("a record takes the place of an older one") {
  const ScratchFolder folder;
  write_record(full_record(), folder / "run.h5");
  RunRecord newer;
  newer.method = "newer";
  write_record(newer, folder / "run.h5");
  CHECK(read_record(folder / "run.h5").method == "newer");
}

TEST_CASE("a tensor that does not fill its shape is refused by name") {
  const ScratchFolder folder;
  RunRecord record;
  record.state["conv1/weight"] = {{2, 2}, {1, 2, 3}};
  CHECK_THROWS_AS(write_record(record, folder / "run.h5"), RunError);
  CHECK_THROWS_WITH(write_record(record, folder / "run.h5"),
                    Contains("cannot store state/conv1/weight") && Contains("3 values"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("names that HDF5 would change are refused") {
  const ScratchFolder folder;
  for (const std::string name : {"", "a//b", "/a", "a/./b", "."}) {
    CAPTURE(name);
    RunRecord record;
    record.curves[name] = {1};
    CHECK_THROWS_AS(write_record(record, folder / "run.h5"), RunError);
  }
  RunRecord record;
  record.failure = std::string("a\0b", 3);
  CHECK_THROWS_WITH(write_record(record, folder / "run.h5"), Contains("zero byte"));
}

TEST_CASE("a missing record is named") {
  const ScratchFolder folder;
  CHECK_THROWS_AS(read_record(folder / "run.h5"), DataError);
  CHECK_THROWS_WITH(read_record(folder / "run.h5"),
                    Contains("run.h5: there is no such file"));
}

TEST_CASE("a file of another kind is refused as such") {
  const ScratchFolder folder;
  for (const std::string text : {"", "name: study\n", "bitsweep"}) {
    std::ofstream(folder / "run.h5") << text;
    CHECK_THROWS_AS(read_record(folder / "run.h5"), DataError);
    CHECK_THROWS_WITH(read_record(folder / "run.h5"),
                      Contains("run.h5: not a run record of bitsweep"));
  }
  std::ofstream(folder / "run.h5") << "\x89HDF\r\n\x1a\n and so on";
  CHECK_THROWS_WITH(read_record(folder / "run.h5"),
                    Contains("an HDF5 file, but not a run record"));
}

TEST_CASE("a record that was cut off anywhere is refused") {
  const ScratchFolder folder;
  write_record(full_record(), folder / "run.h5");
  const auto bytes = read_whole_file(folder / "run.h5");
  for (const std::size_t size : {std::size_t{20}, std::size_t{300}, std::size_t{512},
                                 bytes.size() / 2, bytes.size() - 1}) {
    CAPTURE(size);
    write_whole_file(folder / "cut.h5", bytes.substr(0, size));
    CHECK_THROWS_AS(read_record(folder / "cut.h5"), DataError);
    CHECK_THROWS_WITH(read_record(folder / "cut.h5"), Contains("the file is cut off"));
  }
}

TEST_CASE("one wrong bit anywhere is found") {
  const ScratchFolder folder;
  write_record(full_record(), folder / "run.h5");
  const auto bytes = read_whole_file(folder / "run.h5");
  for (std::size_t at = 21; at < bytes.size(); at += 211) {
    auto damaged = bytes;
    damaged[at] = char(damaged[at] ^ 4);
    write_whole_file(folder / "bad.h5", damaged);
    CHECK_THROWS_AS(read_record(folder / "bad.h5"), DataError);
  }
  write_whole_file(folder / "bad.h5", bytes + "x");
  CHECK_THROWS_WITH(read_record(folder / "bad.h5"), Contains("the file is damaged"));
}

TEST_CASE("a record of another format version says which is read") {
  if (!python_has_h5py()) return;
  const ScratchFolder folder;
  write_record(full_record(), folder / "run.h5");
  change_within(folder / "run.h5", "f.attrs['format_version'] = 3");
  CHECK_THROWS_AS(read_record(folder / "run.h5"), DataError);
  CHECK_THROWS_WITH(read_record(folder / "run.h5"),
                    Contains("a run record of format 3, this program reads 2"));
}

TEST_CASE("a record that lacks a part names it") {
  if (!python_has_h5py()) return;
  const ScratchFolder folder;
  for (const std::string part : {"configuration", "state"}) {
    write_record(full_record(), folder / "run.h5");
    change_within(folder / "run.h5", "del f['" + part + "']");
    CHECK_THROWS_AS(read_record(folder / "run.h5"), DataError);
    CHECK_THROWS_WITH(read_record(folder / "run.h5"),
                      Contains("without a readable '" + part + "'"));
  }
  write_record(full_record(), folder / "run.h5");
  change_within(folder / "run.h5", "f.attrs['seed'] = 'three'");
  CHECK_THROWS_WITH(read_record(folder / "run.h5"),
                    Contains("without a readable 'seed'"));
}

TEST_CASE("h5py reads a record as it stands") {
  if (!python_has_h5py()) return;
  const ScratchFolder folder;
  auto record = full_record();
  record.state["fc/weight"] = {{40, 50}, std::vector<float>(2000, 0.5f)};
  write_record(record, folder / "run.h5");
  std::ofstream(folder / "look.py") << R"(
import math, sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'r')
assert f.attrs['format'] == 'bitsweep run record'
assert f.attrs['format_version'] == 2
assert f.attrs['results_version'] == 7
assert f.attrs['seed'] == 9007199254740993
assert f.attrs['method'] == 'twn'
assert f['configuration'][()].decode() == 'name: größe\nseed: 3\n'
assert f['provenance'].attrs['threads'] == 3
assert f['provenance'].attrs['peak_memory_mb'] == 0.1 + 0.2
assert f['metrics'].attrs['test_accuracy'] == 0.9876
assert math.isnan(f['metrics'].attrs['test_loss'])
assert f['metrics'].attrs['odd/näme'] == -1e300
assert f['curves/train/loss'].dtype == np.float64
assert f['curves/train/loss'][1] == 0.1 + 0.2 and math.isnan(f['curves/train/loss'][2])
assert f['predictions'].dtype == np.uint8 and list(f['predictions']) == [0, 9, 255, 3]
assert f['labels'].dtype == np.int16 and list(f['labels']) == [0, 9, 1000, -3]
w = f['state/conv1/weight']
assert w.shape == (2, 1, 1, 3) and w.dtype == np.float32 and w[1, 0, 0, 2] == 6
assert f['state/fc/weight'].compression == 'gzip' and f['state/fc/weight'].compression_opts == 4
assert f['state/fc/weight'].shuffle and (f['state/fc/weight'][()] == 0.5).all()
sizes = f['sizes'][()]
assert sizes['site'][0] == b'conv1/weight' and sizes['elements'][1] == 2**40
assert list(sizes['bits']) == [2, 32] and list(sizes['quantized']) == [1, 0]
assert f['warnings'][2].decode() == 'zweite: größer'
)";
  CHECK(python(folder / "look.py", folder / "run.h5"));
}

// The page's own reader, as it stands there.
TEST_CASE("the README's reader reads a record") {
  if (!python_has_h5py()) return;
  const ScratchFolder folder;
  const auto record = full_record();
  write_record(record, folder / "run.h5");
  const std::string page =
      read_whole_file(BITSWEEP_SOURCE_DIR "/framework/results/README.md");
  const std::string fence = "```python\n";
  const auto begin = page.find(fence) + fence.size();
  std::ofstream(folder / "read.py")
      << page.substr(begin, page.find("```", begin) - begin);
  const std::string command =
      "PYTHONIOENCODING=utf-8 /usr/bin/python3 " + (folder / "read.py").string() + " " +
      (folder / "run.h5").string() + " " + (folder / "model.bsw").string() + " > " +
      (folder / "text").string();
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string text = read_whole_file(folder / "text");
  for (const char* part :
       {"name: größe", "accuracy 0.9876", "[  0   9 255   3] of [   0    9 1000   -3]",
        "fc1 1 xor and popcount: größer", "conv1/weight (2, 1, 1, 3)"}) {
    CHECK_THAT(text, Contains(part));
  }
  const std::string model = read_whole_file(folder / "model.bsw");
  CHECK(std::equal(model.begin(), model.end(), record.model.begin(), record.model.end(),
                   [](char a, std::uint8_t b) { return std::uint8_t(a) == b; }));
}
