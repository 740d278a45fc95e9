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

// Without what is told of settings that have no effect.
std::vector<RunProblem> problems_of(const RunSpec& run) {
  auto problems = check_run(run, registry(), 80);
  std::erase_if(problems, [](const RunProblem& problem) { return problem.is_idle; });
  return problems;
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
  CHECK_THAT(failure(run),
             Contains("sites: no grid for fc2/input, which 'edges' quantizes"));
  fewer = sites;
  fewer.push_back(sites.front());
  fewer.back().site = "conv9/input";
  write_whole_file(file, calibration_table_text(fewer, {}));
  run.calibration.table_checksum = calibration_table_checksum(file);
  CHECK_THAT(failure(run),
             Contains("sites.conv9/input: unknown quantized activation; did you mean "
                      "'conv/input'?"));
}

TEST_CASE("what a table has wrong is found before the run", "[calibration]") {
  const testing::ScratchFolder folder;
  const std::string file = (folder.path() / "t.yaml").string();
  RunSpec run = calibrated_run();
  run.calibration.table = file;
  CalibratedSite conv{.site = "conv/input",
                      .method = "affine",
                      .estimator = "mse",
                      .bits = 8,
                      .low = -12.75f,
                      .high = 51,
                      .state = {{"scale", {0.25f}}, {"zero_point", {51}}}};
  CalibratedSite fc1 = conv;
  fc1.site = "fc1/input";
  CalibratedSite fc2 = conv;
  fc2.site = "fc2/input";
  fc2.method = "edges";
  fc2.estimator = "min_max";
  const std::string sound = calibration_table_text({conv, fc1, fc2}, {});
  // The sentences about the table with `from` in its first site changed to `to`.
  const auto told = [&](const std::string& from = "", const std::string& to = "") {
    std::string text = sound;
    if (!from.empty()) text.replace(text.find(from), from.size(), to);
    write_whole_file(file, text);
    std::string sentences;
    for (const RunProblem& problem : problems_of(run)) {
      std::string line = problem.key + problem.text;
      CHECK(line.starts_with(file + ":"));
      line.erase(0, line.find("sites"));
      sentences += line + "\n";
    }
    return sentences;
  };
  const std::string at = "sites.conv/input";
  CHECK(told() == "");
  told("scale: 0.25", "scale: 0");
  CHECK_THAT(problems_of(run).front().text,
             Contains(file + ":8: sites.conv/input.scale: 0 is given"));
  CHECK(told("scale: 0.25", "scale: 0") ==
        at + ".scale: 0 is given; a number above 0 is expected\n");
  CHECK(told("scale: 0.25", "scale: -1") ==
        at + ".scale: -1 is given; a number above 0 is expected\n");
  CHECK(told("scale: 0.25", "scale: []") ==
        at + ".scale: an empty list; a number is expected\n");
  CHECK(told("scale: 0.25", "scale: [0.25, 0.5]") ==
        at + ".scale: 0.25, 0.5 given; 'affine' takes 0.25 for it\n");
  CHECK(told("    scale: 0.25\n", "") ==
        at + ": has no scale, which 'affine' needs; make a table for this row with "
             "`bitsweep calibrate`\n");
  CHECK(told("zero_point: 51", "zero_point: 999") ==
        at + ".zero_point: 999 is given; one of this site's codes is expected, a whole "
             "number from 0 to 255\n");
  CHECK_THAT(told("zero_point: 51", "zero_point: 5.5"), Contains("5.5 is given; one of"));
  CHECK_THAT(told("zero_point: 51", "zero_points: 51"),
             Contains(at + ".zero_points: unknown key; did you mean 'zero_point'?"));
  CHECK(told("method: affine", "method: lsq") ==
        at + ".method: is 'lsq', but 'affine' quantizes this site; make a table for this "
             "row with `bitsweep calibrate`\n");
  CHECK(
      told("estimator: mse", "estimator: percentile") ==
      at +
          ".estimator: is 'percentile', but this row's ranges are by 'mse'; make a table "
          "for this row with `bitsweep calibrate`\n");
  CHECK(told("    estimator: mse\n", "") == "");
  CHECK(told("bits: 8", "bits: 4") ==
        at + ".bits: is 4, but 'affine' has 8 bits here; make a table for this row with "
             "`bitsweep calibrate`\n");
  CHECK(told("high: 51", "high: 6") ==
        at + ".high: is 6, but the site's other keys make this end 51; correct one of "
             "them, or leave this out\n");
  CHECK(told("    high: 51\n", "") == "");
  CHECK_THAT(told("conv/input", "conv/inputs"),
             Contains("sites.conv/inputs: unknown quantized activation; did you mean "
                      "'conv/input'?") &&
                 Contains("sites: no grid for conv/input, which 'affine' quantizes"));
  std::filesystem::remove(file);
  const auto gone = problems_of(run);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].key == "calibration.table");
  CHECK(gone[0].text ==
        "'" + file + "' is not there; `bitsweep calibrate` writes a table");
}

TEST_CASE("weights that look at inputs in calibration take no table", "[calibration]") {
  const testing::ScratchFolder folder;
  const std::string file = (folder.path() / "t.yaml").string();
  write_whole_file(file, calibration_table_text({}, {}) + "  {}\n");
  RunSpec run = calibrated_run();
  std::vector<ParamProblem> problems;
  run.method = {"product_quantization",
                registry()
                    .at("product_quantization")
                    .resolve({{"objective", RawValue::scalar("outputs")}}, problems)};
  run.calibration.table = file;
  const auto told = problems_of(run);
  REQUIRE(told.size() == 1);
  CHECK(told[0].text == file +
                            ": 'product_quantization' looks at inputs of conv in "
                            "calibration, and a table has none; leave out the table for "
                            "this row");
  run.method.params["objective"] = RawValue::scalar("weights");
  for (const auto& problem : problems_of(run)) {
    CHECK_THAT(problem.text, !Contains("looks at inputs"));
  }
}

TEST_CASE("a table holds sums, and ranges that training has followed", "[calibration]") {
  const testing::ScratchFolder folder;
  const std::string file = (folder.path() / "t.yaml").string();
  RunSpec run = calibrated_run();
  run.network = residual_model();
  run.edges = {.first = "method", .last = "method", .bias = "float", .image = "method"};
  std::vector<ParamProblem> problems;
  for (const std::string id : {"affine", "int8_training"}) {
    CAPTURE(id);
    run.method = {id, registry().at(id).resolve({{"operands", RawValue::scalar("true")}},
                                                problems)};
    run.calibration.table.clear();
    const auto sites = calibrated_sites(
        run, {.methods = &registry(), .baseline = record_of(run.baseline())});
    const auto is_operand = [](const CalibratedSite& site) {
      return site.site.starts_with("block/add/");
    };
    CHECK(std::ranges::count_if(sites, is_operand) > 0);
    write_whole_file(file, calibration_table_text(sites, {}));
    run.calibration.table = file;
    CHECK(problems_of(run) == std::vector<RunProblem>());
  }
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
