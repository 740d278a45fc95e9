#include "framework/app/schedule/worker_message.h"

#include <cmath>

#include <catch2/catch.hpp>

using namespace bitsweep;

namespace {

WorkerMessage sent(const WorkerMessage& message) {
  const std::string line = to_line(message);
  REQUIRE(line.find('\n') == line.size() - 1);
  const auto read = from_line(std::string_view(line).substr(0, line.size() - 1));
  REQUIRE(read);
  REQUIRE(read->kind == message.kind);
  return *read;
}

}  // namespace

TEST_CASE("progress arrives as it was sent, to the last bit") {
  const auto read =
      sent(WorkerMessage::of_progress({"float training", 7, 600, 1.5, 1.0 / 3, 0.1}));
  CHECK(read.progress.stage == "float training");
  CHECK(read.progress.done == 7);
  CHECK(read.progress.total == 600);
  CHECK(read.progress.epoch == 1.5);
  CHECK(read.progress.loss == 1.0 / 3);
  CHECK(read.progress.accuracy == 0.1);
}

TEST_CASE("a loss that is no number arrives") {
  const auto read = sent(WorkerMessage::of_progress({"train", 1, 2, 0, std::nan(""), 0}));
  CHECK(std::isnan(read.progress.loss));
}

TEST_CASE("a text with newlines and tabs stays one message") {
  const auto read = sent(WorkerMessage::of_failure("conv1:\n\tstep is NaN"));
  CHECK(read.text == "conv1:  step is NaN");
}

TEST_CASE("a full disk is told apart from other failures") {
  const auto read = sent(WorkerMessage::of_full_disk("x.h5: cannot be written"));
  CHECK(read.kind == WorkerMessage::Kind::kDiskFull);
  CHECK(read.text == "x.h5: cannot be written");
}

TEST_CASE("a library's own output is no message") {
  CHECK_FALSE(from_line("dnnl_verbose,info"));
  CHECK_FALSE(from_line(""));
  CHECK_FALSE(from_line("bitsweep-worker\tdone"));
  CHECK_FALSE(from_line("bitsweep-worker\tdone\tsoon"));
  CHECK_FALSE(from_line("bitsweep-worker\tprogress\ttrain\t1\t2"));
}
