// The search for bit-widths: its rules on made-up accuracies, and the command.
#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

#include "framework/app/search/bit_search.h"
#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using testing::run_program;

namespace fs = std::filesystem;

namespace {

// Each part loses by itself what its row says, and losses add up.
double lossy(const PartBits& bits) {
  const auto loss = [](int width, double at_4, double at_2) {
    return width <= 1 ? 0.9 : width <= 2 ? at_2 : width <= 4 ? at_4 : 0;
  };
  return 0.9915 - loss(bits.convolutions, 0.001, 0.006) -
         loss(bits.fully_connected, 0, 0.004) - loss(bits.activations, 0.008, 0.3);
}

// A folder with a small study, and the command run there.
class StudyFolder {
 public:
  StudyFolder() {
    std::ofstream(place("study.yaml"))
        << "name: tiny\n"
           "dataset: {id: shapes, validation: 10, train_limit: 20, test_limit: 10}\n"
           "network: {id: lenet}\n"
           "edges: {first: method, last: method, bias: float}\n"
           "training: {epochs: 1, batch_size: 10}\n"
           "fine_tuning: none\n"
           "rows:\n"
           "  - method: {id: dynamic_fixed_point}\n";
  }

  fs::path place(const std::string& name) const { return folder_ / name; }
  std::string text(const std::string& name) const {
    return testing::file_text(place(name).string());
  }
  std::string enter() const { return "cd " + folder_.path().string() + " && "; }
  testing::Finished search(const std::string& words,
                           const std::string& setting = "") const {
    return run_program("search study.yaml " + words, enter() + setting);
  }

 private:
  testing::ScratchFolder folder_;
};

}  // namespace

TEST_CASE("a width passes when it loses no more than the margin", "[search]") {
  SearchOptions options{.margin = 0.01};
  const auto passes = [&](double accuracy) {
    const auto result = search_bits(options, [&](const PartBits& bits) {
      return bits == PartBits{} ? 0.9915 : accuracy;
    });
    return result.steps.front().passes;
  };
  CHECK(passes(0.9815));
  CHECK_FALSE(passes(0.9814));
}

TEST_CASE("each part stops at its first failure and keeps what passed", "[search]") {
  const auto result = search_bits({.margin = 0.01}, lossy);
  std::vector<int> convolutions;
  for (const auto& step : result.steps) {
    if (step.part == "convolution weights")
      convolutions.push_back(step.bits.convolutions);
  }
  CHECK(convolutions == std::vector<int>{16, 8, 4, 2, 1});
  const auto together =
      std::find_if(result.steps.begin(), result.steps.end(),
                   [](const SearchStep& step) { return step.part == "all together"; });
  REQUIRE(together != result.steps.end());
  CHECK(together->bits == PartBits{2, 2, 4});
  CHECK_FALSE(together->passes);
}

TEST_CASE("when all together fail, the part that helps most is raised", "[search]") {
  const auto result = search_bits({.margin = 0.01}, lossy);
  // 2, 2, 4 loses 0.018; activations of 8 bits lose 0.010 in all, and pass.
  CHECK(result.bits == PartBits{2, 2, 8});
  CHECK(result.passes);
  CHECK(std::count_if(result.steps.begin(), result.steps.end(),
                      [](const auto& step) { return step.part == "raised"; }) == 3);
}

TEST_CASE("a part that the network has not stays out of the search", "[search]") {
  const auto result =
      search_bits({.margin = 0.01, .fully_connected_bits = {}}, [](const PartBits& bits) {
        return bits.convolutions < 8 || bits.activations < 8 ? 0.5 : 0.5768;
      });
  CHECK(result.bits == PartBits{8, 32, 8});
  for (const auto& step : result.steps) CHECK(step.part != "fully connected weights");
}

TEST_CASE("a search that finds nothing says so and writes nothing", "[search]") {
  CHECK_FALSE(search_bits({.margin = 0.01}, [](const PartBits& bits) {
                return bits == PartBits{} ? 0.9 : 0.1;
              }).found_any());
  const StudyFolder folder;
  const auto found = folder.search("--out found.yaml", "BITSWEEP_FAKE_LOSES_ALL=1");
  CHECK(found.code == 1);
  CHECK_THAT(found.err, Contains("search: nothing found: no width below float keeps "
                                 "within 2 pp"));
  CHECK_FALSE(fs::exists(folder.place("found.yaml")));
}

TEST_CASE("each search has a name of its own", "[search]") {
  const StudyFolder folder;
  const auto found = folder.search("--margin 6");
  CHECK(found.code == 0);
  const auto study = folder.text("tiny-search-dynamic-fixed-point-w8-a8-6.yaml");
  CHECK_THAT(found.out, Contains("\nchosen (bits): convolution weights ") &&
                            Contains(", activations ") &&
                            Contains("\n\n" + study.substr(study.find("rows:")) + "\n"));
  CHECK_THAT(folder.text("tiny-search-dynamic-fixed-point-w8-a8-6.yaml"),
             Contains("name: tiny-search-dynamic-fixed-point-w8-a8-6\n"));
  CHECK(folder.search("--margin 7").code == 0);
  CHECK(folder.search("--margin 6 --set training.epochs=2").code == 0);
  CHECK(folder.search("--margin 6").code == 2);  // that one is there
}

TEST_CASE("a network without convolutions is not told to pass with them", "[search]") {
  const StudyFolder folder;
  const auto found = folder.search("--set network=lenet-300-100");
  CAPTURE(found.err);
  CHECK_THAT(found.out, Contains("fully connected weights") && !Contains("conv"));
}

TEST_CASE("what never passes stays float", "[search]") {
  const auto result = search_bits({.margin = 0.01}, [](const PartBits& bits) {
    return bits.activations < 32 ? 0.1 : 0.9;
  });
  CHECK(result.bits == PartBits{1, 1, 32});
  CHECK(result.passes);
}

TEST_CASE("the command writes a study that is valid, and never over another",
          "[search]") {
  const StudyFolder folder;
  const auto found = folder.search("--margin 6 --set 'title=a b' --out found.yaml");
  INFO(found.err);
  CHECK(found.code == 0);
  // Of lenet's two convolutions and two linear layers, both parts alone lose 10 points
  // at 2 bits.
  CHECK_THAT(found.out, Contains("convolution weights      conv     4") &&
                            Contains("fails") &&
                            Contains("next: bitsweep run found.yaml"));
  CHECK_THAT(folder.text("found.yaml"),
             StartsWith("# bitsweep search study.yaml --margin 6 --set 'title=a b' --out "
                        "found.yaml\n# At most 6 pp below "));
  const auto valid = run_program("validate found.yaml", folder.enter());
  INFO(valid.err);
  CHECK(valid.code == 0);
  const auto again = folder.search("--out found.yaml");
  CHECK(again.code == 2);
  CHECK_THAT(again.err, Contains("'found.yaml' is there already"));
}

TEST_CASE("a search of a scheme's row is a study without idle settings", "[search]") {
  const StudyFolder folder;
  const auto found = folder.search(
      "--margin 6 --out found.yaml --set 'rows=[{method: {scheme: tensorrt-max}}]'");
  INFO(found.err);
  REQUIRE(found.code == 0);
  const auto valid = run_program("validate found.yaml", folder.enter());
  INFO(valid.err);
  CHECK(valid.code == 0);
}

TEST_CASE("what makes a search useless is told before anything is trained",
          "[search][refusal]") {
  const StudyFolder folder;
  const auto refused = [&](const std::string& words) {
    const auto finished = folder.search(words);
    CHECK(finished.code == 2);
    CHECK_FALSE(fs::exists(folder.place("results")));
    return finished.err;
  };
  CHECK_THAT(refused("--set dataset.validation=0"), Contains("dataset.validation is 0"));
  CHECK_THAT(refused("--out no/such/found.yaml"),
             Contains("cannot be written: 'no/such' is not a folder"));
  CHECK_THAT(refused("--out ."), Contains("is a folder"));
  CHECK_THAT(refused("--row other"),
             Contains("no row 'other'; choose one with --row: 'dynamic_fixed_point"));
  CHECK_THAT(refused("--set rows.0.method=float"),
             Contains("the study has float networks alone"));
}

TEST_CASE("an interrupted search says that no study was written", "[search]") {
  const StudyFolder folder;
  const auto interrupted = [&](const std::string& words, const std::string& how) {
    const auto finished = folder.search(words, how + "=1");
    CHECK(finished.code == 130);
    CHECK_THAT(finished.err, Contains("search: interrupted; no study was written"));
    CHECK_FALSE(fs::exists(folder.place("tiny-search.yaml")));
  };
  SECTION("while networks are looked at") {
    interrupted("", "BITSWEEP_FAKE_INTERRUPTS_SEARCH");
  }
  SECTION("while the float network is trained") {
    interrupted("--set seeds=15", "BITSWEEP_FAKE_MISBEHAVES");
  }
}
