#include "framework/report/health_tables.h"

#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/report/sample_study.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::Contains;

namespace {

std::map<std::string, RunRecord> healthy_records() {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kExact = std::numeric_limits<double>::infinity();
  auto records = sample_records();
  auto& first = records.at("dorefa-1");
  first.curves = {{"train/loss", {2, 1}},
                  {"health/conv1/bias/levels", {4294967295, 4294967295}},
                  {"health/conv1/bias/sqnr_db", {90, 90.5}},
                  {"health/conv1/bias/unused_levels", {4294967285, 4294967285}},
                  {"health/conv1/input/clipped", {0.5, 0.25}},
                  {"health/conv1/input/sqnr_db", {10, kExact}},
                  {"health/conv1/input/offset_drift", {0.5, 0.25}},
                  {"health/conv1/input/step_drift", {0.5, 0.125}},
                  {"health/conv1/weight/sign_flips", {0.5, 0.125}},
                  {"health/conv1/weight/sqnr_db", {10, 20.25}},
                  {"health/conv1/weight/levels", {4, 4}},
                  {"health/conv1/weight/unused_levels", {2, 1}}};
  auto& second = records.at("dorefa-2");
  second.curves = first.curves;
  second.curves["health/conv1/weight/sqnr_db"] = {10, 30.25};
  second.curves["health/conv1/weight/sign_flips"] = {0.5, kNan};
  second.curves["health/conv1/weight/unused_levels"] = {2, 2};
  second.warnings = {"conv1/weight: its scale is 0 at epoch 1"};
  return records;
}

std::string tables(const std::string& label) {
  return health_tables(make_manifest(sample_study(), sample_name),
                       lookup_in(healthy_records()), label);
}

}  // namespace

TEST_CASE("a row's table has means of the last epoch, then the warnings") {
  CHECK(tables("dorefa") ==
        "## dorefa, seeds 1, 2\n"
        "\n"
        "| site         | SQNR (dB) | clipped (%) | unused levels | sign flips (%) | "
        "drift (%)              |\n"
        "| ------------ | --------: | ----------: | ------------: | -------------: | "
        "---------------------- |\n"
        "| conv1/bias   |      90.5 |             |               |                | "
        "                       |\n"
        "| conv1/input  |       inf |       25.00 |               |                | "
        "offset 25.0, step 12.5 |\n"
        "| conv1/weight |      25.2 |             |      1.5 of 4 |                | "
        "                       |\n"
        "\n"
        "- seed 2: conv1/weight: its scale is 0 at epoch 1\n");
}

TEST_CASE("rows that have nothing to tell are left out") {
  const auto all = tables("*");
  CHECK_THAT(all, Contains("## dorefa, seeds 1, 2\n") &&
                      Contains("## twn, seeds 1, 2, 3\n\n- seed 2: the loss rose"));
  CHECK_THAT(all, !Contains("## float") && !Contains("## bwn"));
  CHECK(tables("d*") == tables("dorefa"));
  CHECK(tables("float") == "no finished run has figures of its quantizers\n");
}

TEST_CASE("a row that the study does not have is refused with those it has") {
  CHECK_THROWS_AS(tables("dorfea"), ConfigError);
  CHECK_THROWS_WITH(tables("dorfea"),
                    "the study 'sample' has no row 'dorfea'; did you mean 'dorefa'? its "
                    "rows: float, twn, dorefa, lognet, bwn");
}
