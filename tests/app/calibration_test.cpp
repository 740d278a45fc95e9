// Calibration sets and tables with the real pipeline, on made-up images.
#include <catch2/catch.hpp>

#include "framework/app/check_run.h"
#include "framework/app/run_experiment.h"
#include "framework/app/study_data.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Contains;

namespace {

const MethodRegistry& registry() {
  static const MethodRegistry all = [] {
    MethodRegistry made;
    register_builtin_methods(made);
    return made;
  }();
  return all;
}

RunSpec calibrated_run() {
  RunSpec run;
  run.dataset = {.id = "shapes", .validation = 20, .train_limit = 100, .test_limit = 20};
  run.network =
      model({convolution("conv", 4, 5, {{"stride", word("4")}}), layer("relu", "relu"),
             linear("fc1", "20"), layer("relu2", "relu"), linear("fc2", "classes")});
  run.training.epochs = 1;
  run.training.batch_size = 20;
  std::vector<ParamProblem> problems;
  run.method = {"affine", registry().at("affine").resolve(
                              {{"activation_range", RawValue::scalar("mse")}}, problems)};
  run.edges = {.first = "method", .last = "8", .bias = "float", .image = "method"};
  run.calibration_batches = 2;
  return run;
}

RunRecord record_of(const RunSpec& run, const std::optional<RunRecord>& baseline = {}) {
  RunObserver silent;
  return run_experiment(run, {.methods = &registry(), .baseline = baseline}, silent);
}

const RunRecord& float_network() {
  static const RunRecord record = record_of(calibrated_run().baseline());
  return record;
}

std::vector<CalibratedSite> sites_of(const RunSpec& run) {
  return calibrated_sites(run, {.methods = &registry(), .baseline = float_network()});
}

std::string failure(const RunSpec& run) {
  try {
    record_of(run, float_network());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a calibration table gives the very codes of its calibration",
          "[run][calibration]") {
  const testing::ScratchFolder folder;
  const std::string file = (folder.path() / "table.yaml").string();
  RunSpec run = calibrated_run();
  const auto sites = sites_of(run);
  REQUIRE(sites.size() == 3);
  CHECK(sites[0].site == "conv/input");
  CHECK(sites[0].method == "affine");
  CHECK(sites[0].estimator == "mse");
  CHECK(sites[0].state.at("scale").size() == 1);
  CHECK(sites[2].method == "edges");
  CHECK(sites[2].estimator == "min_max");
  write_whole_file(file, calibration_table_text(sites, {"a table", "of a test"}));

  const RunRecord calibrated = record_of(run, float_network());
  run.calibration.table = file;
  run.calibration.table_checksum = calibration_table_checksum(file);
  // Not the images: they would give other ranges.
  run.calibration_batches = 1;
  const RunRecord loaded = record_of(run, float_network());
  CHECK(loaded.model == calibrated.model);
  CHECK(loaded.predictions == calibrated.predictions);

  write_whole_file(file, calibration_table_text(sites, {"changed"}));
  CHECK_THAT(failure(run), Contains("the table changed since the study began"));
  auto fewer = sites;
  fewer.pop_back();
  write_whole_file(file, calibration_table_text(fewer, {}));
  run.calibration.table_checksum = calibration_table_checksum(file);
  CHECK_THAT(failure(run), Contains("it has no grid of 'edges' for fc2/input"));
  fewer = sites;
  fewer.push_back(sites.front());
  fewer.back().site = "conv9/input";
  write_whole_file(file, calibration_table_text(fewer, {}));
  run.calibration.table_checksum = calibration_table_checksum(file);
  CHECK_THAT(failure(run),
             Contains("'conv9/input' is no quantized activation of this network"));
}

TEST_CASE("a calibration set has so many images, the first ones or drawn",
          "[run][calibration]") {
  RunSpec run = calibrated_run();
  const auto first = sites_of(run);
  run.calibration_batches = 1;
  run.calibration.images = 40;
  const auto same = sites_of(run);
  run.calibration.seed = 3;
  const auto drawn = sites_of(run);
  const auto again = sites_of(run);
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i].state == same[i].state);
    CHECK(drawn[i].state == again[i].state);
  }
  CHECK(first[1].state != drawn[1].state);
}

TEST_CASE("a calibration set that the data cannot give is refused",
          "[run][calibration]") {
  const auto problem = [](const RunSpec& run) -> std::string {
    const auto problems = batch_problems(run, 100);
    return problems.empty() ? "" : problems.front().key + ": " + problems.front().text;
  };
  RunSpec run = calibrated_run();
  CHECK(problem(run).empty());
  run.calibration_batches = 6;
  CHECK(problem(run) ==
        "calibration_batches: 6 batches of 20 are more than the 100 training images of "
        "shapes; at most 5 are whole");
  run.calibration.images = 100;
  CHECK(problem(run).empty());
  run.calibration.images = 120;
  CHECK(problem(run) ==
        "calibration.images: 120 are more than the 100 training images of shapes");
  run.calibration.images = 50;
  CHECK(problem(run) ==
        "calibration.images: 50 are no whole number of batches of 20 (batch_size); take "
        "40");
}
