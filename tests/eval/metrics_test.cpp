#include "framework/eval/metrics.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinULP;

namespace {

RunRecord scored(double share) {
  RunRecord record;
  record.metrics["test_accuracy"] = share;
  return record;
}

std::optional<double> value(const char* id, const RunRecord& record,
                            const RunRecord* baseline = nullptr) {
  return metric_named(id).value(record, baseline);
}

}  // namespace

TEST_CASE("accuracy is stated in percent") {
  CHECK_THAT(value("accuracy", scored(0.9123)).value(), WithinULP(91.23, 1));
}

TEST_CASE("a run worse than its baseline has a positive loss") {
  const auto baseline = scored(0.75);
  CHECK(value("accuracy_drop", scored(0.5), &baseline) == 25);
  CHECK(value("accuracy_drop", scored(1.0), &baseline) == -25);
}

TEST_CASE("there is no loss without a baseline") {
  CHECK_FALSE(value("accuracy_drop", scored(0.5)));
}

TEST_CASE("sizes come from the record's entries") {
  RunRecord record;
  record.sizes = {{"fc1/weight", 8192, 2, 0, true}, {"fc2/weight", 512, 32, 0, false}};
  CHECK(value("size", record) == 4);  // 2 KiB of codes, 2 KiB of floats
  CHECK(value("ratio", record) == 8704.0 / 1024);
  CHECK(value("quantized_ratio", record) == 16);
  CHECK(value("bits_per_weight", record) == 32768.0 / 8704);
}

TEST_CASE("training time is the run's own") {
  RunRecord record;
  record.provenance.seconds = 12.5;
  CHECK(value("wall_time", record) == 12.5);
}

TEST_CASE("what a record does not tell is no number") {
  for (const auto& metric : metric_table()) {
    if (metric.id == "wall_time") continue;
    CAPTURE(std::string(metric.id));
    CHECK_FALSE(metric.value({}, nullptr));
    const RunRecord baseline;
    CHECK_FALSE(metric.value({}, &baseline));
  }
}

TEST_CASE("metrics have ids of their own") {
  std::set<std::string_view> ids;
  for (const auto& metric : metric_table()) ids.insert(metric.id);
  CHECK(ids.size() == metric_table().size());
}
