#include "framework/config/row_filter.h"

#include <catch2/catch.hpp>

#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;
using Catch::Matchers::Contains;

namespace {

StudySpec study() {
  const Folder folder;
  return load_study(
      folder.write("study.yaml",
                   "name: s\ndataset: {id: mnist}\nnetwork: lenet\nseeds: [1, 2]\n"
                   "fine_tuning: {epochs: 2}\n"
                   "rows:\n"
                   "  - {group: g h, method: {id: bits, weight_bits: [2, 3, 10]}}\n"
                   "  - {method: plain}\n"),
      {}, Methods());
}

// Labels and seeds of the runs that match.
std::vector<std::string> chosen(const std::string& expression) {
  const RowFilter filter(expression);
  std::vector<std::string> found;
  for (const auto& row : study().rows) {
    for (const auto& run : row.runs) {
      if (!filter.matches(row, run)) continue;
      found.push_back(row.label + " " + std::to_string(run.seed));
    }
  }
  return found;
}

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("an expression chooses runs by what they are", "[row filter]") {
  CHECK(chosen("method == plain") == Found{"plain 1", "plain 2"});
  CHECK(chosen("method==bits&&weight_bits<=3&&seed==2") ==
        Found{"bits w2 2", "bits w3 2"});
  CHECK(chosen("weight_bits > 9 && seed < 2") == Found{"bits w10 1"});  // as numbers
  CHECK(chosen("group == 'g h' && !(weight_bits == 2 || weight_bits == 3)") ==
        Found{"bits w10 1", "bits w10 2"});
  CHECK(chosen("label == \"bits w2\" && dataset == mnist && network == lenet").size() ==
        2);
  CHECK(chosen("fine_tuning.epochs == 2").size() == 8);  // not of the float rows
  CHECK(chosen("weight_bits != 2").size() == 4);         // plain has no such parameter
  CHECK(chosen("seed == 1 || seed == 2 && method == plain").size() == 6);
}

TEST_CASE("what is no expression is refused with an example", "[row filter][refusal]") {
  for (const std::string bad :
       {"", "method", "method =", "method == ", "== 3", "(seed == 1", "seed == 1)",
        "seed == 1 and seed == 2", "label == 'x", "seed == 1 &&", "a & b", "!"}) {
    CAPTURE(bad);
    CHECK_THAT(refusal([&] { RowFilter filter(bad); }),
               Contains("--only: '" + bad + "': ") && Contains("an example: "));
  }
  CHECK_THAT(refusal([] { RowFilter filter(std::string(100000, '!') + "seed == 1"); }),
             Contains("nested too deeply"));
  CHECK_THAT(refusal([] { RowFilter("weigth_bits == 1").check(study()); }),
             Contains("did you mean 'weight_bits'?"));
  CHECK_THAT(refusal([] { RowFilter("seed == 3").check(study()); }),
             Contains("no row is so"));
}
