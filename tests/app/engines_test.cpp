// The plain engine (BITSWEEP_ENGINE=reference) trains what the fast one trains.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/results/record.h"
#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

namespace bitsweep::testing {
namespace {

// Products of all kinds, each with a neighbour; no bias that normalisation takes out.
void write_study(const ScratchFolder& folder) {
  std::filesystem::create_directories(folder / "configs/models");
  std::ofstream(folder / "configs/models/small.yaml")
      << "summary: Small.\n"
         "layers:\n"
         "  - {name: conv1, convolution: {filters: 6, kernel: 5, stride: 2, init: he, "
         "bias: false}}\n"
         "  - {name: bn1, batch_norm: {}}\n"
         "  - {name: relu1, relu: {}}\n"
         "  - {name: each, depthwise: {kernel: 3, pad: same, init: he}}\n"
         "  - {name: pool1, max_pool: {kernel: 2, stride: 2}}\n"
         "  - {name: conv2, convolution: {filters: 8, kernel: 3, init: he}}\n"
         "  - {name: pool2, average_pool: {kernel: 2, stride: 2}}\n"
         "  - {name: fc, linear: {outputs: classes}}\n";
  std::ofstream(folder / "s.yaml")
      << "name: engines\n"
         "dataset: {id: shapes, validation: 20, train_limit: 120, test_limit: 20}\n"
         "network: {id: small}\n"
         "training: {epochs: 2, batch_size: 20, optimizer: {learning_rate: 0.02}}\n"
         "fine_tuning: {epochs: 1, batch_size: 20, optimizer: {learning_rate: 0.01}}\n"
         "rows:\n"
         "  - method: lsq\n";
}

// By file name: the float network, and the row's.
std::map<std::string, RunRecord> trained(const std::string& engine) {
  const ScratchFolder folder;
  write_study(folder);
  const auto done = run_real_program(
      "run s.yaml --out out --threads 1",
      fmt::format("cd {} && BITSWEEP_ENGINE={}", folder.path().string(), engine));
  INFO(done.err);
  REQUIRE(done.code == 0);
  std::map<std::string, RunRecord> records;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder / "out")) {
    if (entry.path().extension() != ".h5") continue;
    records[entry.path().filename().string()] = read_record(entry.path());
  }
  return records;
}

// The largest of |a - b| over the largest of |a|.
double apart(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::fabs(double(a[i]) - double(b[i])));
    size = std::max(size, std::fabs(double(a[i])));
  }
  return size > 0 ? most / size : most;
}

}  // namespace

// The engines add in another order: 1e-7 of a value apart after a product, and 3e-7 after
// the twelve steps of the float network, measured. Where weights are rounded, a value
// beside a boundary takes another code: a step apart, of which few make little of a loss.
TEST_CASE("the plain engine trains what the fast one trains", "[engine]") {
  const auto fast = trained("onednn"), plain = trained("reference");
  REQUIRE(fast.size() == 2);
  REQUIRE(plain.size() == 2);
  for (const auto& [name, record] : fast) {
    INFO(name);
    REQUIRE(plain.contains(name));  // one digest: the engine is no part of a run
    const RunRecord& other = plain.at(name);
    CHECK(record.provenance.engine.starts_with("oneDNN"));
    CHECK(other.provenance.engine == "reference");
    const bool is_float = record.method == "float";
    const auto& losses = record.curves.at("train/loss");
    const auto& its_losses = other.curves.at("train/loss");
    REQUIRE(its_losses.size() == losses.size());
    for (std::size_t epoch = 0; epoch < losses.size(); ++epoch) {
      CHECK(its_losses[epoch] == Approx(losses[epoch]).epsilon(is_float ? 1e-5 : 1e-2));
    }
    for (const auto& [tensor, stored] : record.state) {
      if (!is_float) break;
      INFO(tensor);
      CHECK(apart(stored.values, other.state.at(tensor).values) < 1e-5);
    }
  }
}

}  // namespace bitsweep::testing
