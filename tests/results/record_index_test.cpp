#include "framework/results/record_index.h"

#include <cmath>
#include <fstream>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/results/record.h"
#include "framework/results/record_bits.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using testing::ScratchFolder;

namespace {

RunRecord record_of(const std::string& status, double accuracy) {
  RunRecord record;
  record.digest = "0123";
  record.status = status;
  record.failure = status == "failed" ? "killed\tby signal\n9" : "";
  if (status == "done") record.metrics["test_accuracy"] = accuracy;
  record.provenance.seconds = 12.5;
  return record;
}

}  // namespace

TEST_CASE("an index tells of records as they are now, and is read back") {
  const ScratchFolder scratch;
  const auto file = scratch / ".index";
  const auto a = scratch / "a-0123.h5";
  write_record(record_of("done", 0.1 + 0.2), a);
  write_record(record_of("failed", 0), scratch / "b-0123.h5");
  {
    RecordIndex index(file);
    CHECK(index.at(a).test_accuracy == 0.1 + 0.2);
    index.at(scratch / "b-0123.h5");
  }
  CHECK(std::filesystem::exists(file));
  {
    RecordIndex index(file);
    CHECK(index.at(a).status == "done");
    CHECK(index.at(a).digest == "0123");
    CHECK(index.at(a).test_accuracy == 0.1 + 0.2);  // to the last bit
    CHECK(index.at(a).seconds == 12.5);
    const auto& failed = index.at(scratch / "b-0123.h5");
    CHECK(failed.failure == "killed by signal 9");
    CHECK(std::isnan(failed.test_accuracy));
    write_record(record_of("done", 0.5), a);
    CHECK(index.at(a).test_accuracy == 0.5);
  }
  std::filesystem::resize_file(a, 700);
  RecordIndex index(file);
  CHECK_THROWS_AS(index.at(a), DataError);
  CHECK_THROWS_AS(index.at(scratch / "none-0123.h5"), DataError);
}

TEST_CASE("an index that is damaged is made anew") {
  const ScratchFolder scratch;
  const auto file = scratch / ".index";
  const auto a = scratch / "a-0123.h5";
  write_record(record_of("done", 0.25), a);
  { RecordIndex(file).at(a); }
  {
    std::fstream index(file, std::ios::in | std::ios::out);
    index.seekp(-12, std::ios::end);
    index << "9";
  }
  CHECK(RecordIndex(file).at(a).test_accuracy == 0.25);
}

TEST_CASE("parts of two records that are not equal bit by bit are named") {
  RunRecord a = record_of("done", 0.5);
  a.curves["train/loss"] = {1, std::nan("")};
  a.predictions = {1, 2};
  a.model = {1, 2, 3};
  a.state["conv1/weight"] = {{2}, {0.5F, 0.0F}};
  RunRecord b = a;
  b.provenance.seconds = 99;  // no part of it
  CHECK(differing_parts(a, b).empty());
  b.state["conv1/weight"].values[1] = -0.0F;
  b.predictions[1] = 3;
  b.metrics["test_loss"] = 1;
  CHECK(differing_parts(a, b) == std::vector<std::string>{"metrics (test_loss)",
                                                          "predictions (number 2)",
                                                          "state (conv1/weight)"});
  b.state.clear();
  b.model.clear();  // not kept
  b.predictions = a.predictions;
  b.metrics = a.metrics;
  CHECK(differing_parts(a, b).empty());
}
