// Runs that are asked to stop, with the real pipeline, and what the next one makes of it.
#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

#include "framework/app/run_experiment.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using bitsweep::testing::ScratchFolder;
using Catch::Matchers::Contains;

namespace {

const MethodRegistry& checkpoint_methods() {
  static const MethodRegistry all = [] {
    MethodRegistry made;
    register_builtin_methods(made);
    return made;
  }();
  return all;
}

RunSpec small_run() {
  RunSpec run;
  run.dataset = {.id = "shapes", .validation = 20, .train_limit = 100, .test_limit = 20};
  run.network =
      model({convolution("conv", 4, 5, {{"stride", word("4")}}),
             layer("bn", "batch_norm"), layer("relu", "relu"), linear("fc1", "classes")});
  run.training.epochs = 3;
  run.training.batch_size = 20;
  std::vector<ParamProblem> problems;
  run.method = {"lsq", checkpoint_methods().at("lsq").resolve({}, problems)};
  run.edges = {.first = "method", .last = "method", .bias = "float"};
  run.start = "scratch";
  run.fine_tuning = run.training;
  return run;
}

// Asks for an end after some steps; 0: never.
class Stopper final : public RunObserver {
 public:
  explicit Stopper(int steps = 0) : left_(steps) {}
  void progress(const Progress& now) override {
    if (now.total > 0 && --left_ == 0) requests.stop = true;
  }
  void note(const std::string& text) override { notes.push_back(text); }

  RunRequests requests;
  std::vector<std::string> notes;

 private:
  int left_;
};

RunRecord run(Stopper& stopper, const std::filesystem::path& checkpoint = {}) {
  RunEnvironment environment{.methods = &checkpoint_methods()};
  if (!checkpoint.empty()) {
    environment.checkpoint = {checkpoint, 60, &stopper.requests};
  }
  return run_experiment(small_run(), environment, stopper);
}

void write(Checkpoint checkpoint, const std::filesystem::path& path) {
  write_checkpoint(
      checkpoint,
      [&](SavedStateVisitor& visitor) { show_state(checkpoint.state, visitor); }, path);
}

// All that is written but the provenance.
std::string bytes_of(RunRecord record) {
  const ScratchFolder folder;
  record.provenance = {};
  write_record(record, folder / "run.h5");
  return read_whole_file(folder / "run.h5");
}

}  // namespace

TEST_CASE("a run that was stopped goes on to the record of an undisturbed one",
          "[run][resume]") {
  Stopper never;
  const std::string whole = bytes_of(run(never));
  const ScratchFolder folder;
  const auto file = folder / "a.checkpoint";
  Stopper after_seven(7), after_two_more(2), to_the_end;
  CHECK_THROWS_AS(run(after_seven, file), RunStopped);
  CHECK_THROWS_AS(run(after_two_more, file), RunStopped);
  CHECK(after_two_more.notes == std::vector<std::string>{"continues from epoch 2 of 3"});
  const RunRecord record = run(to_the_end, file);
  CHECK(record.provenance.continued == 2);
  CHECK(bytes_of(record) == whole);
}

TEST_CASE("a checkpoint that is of no use is named, and the run begins anew",
          "[run][resume]") {
  Stopper never;
  const std::string whole = bytes_of(run(never));
  const ScratchFolder folder;
  const auto file = folder / "a.checkpoint";
  Stopper stopped(7);
  CHECK_THROWS_AS(run(stopped, file), RunStopped);
  const Checkpoint good = read_checkpoint(file);

  const auto check_refused = [&](const std::string& why) {
    Stopper next;
    const RunRecord record = run(next, file);
    REQUIRE(next.notes.size() == 1);
    CHECK_THAT(next.notes.front(),
               Contains("a.checkpoint: ") && Contains(why) && Contains("; begins anew"));
    CHECK(record.provenance.continued == 0);
    CHECK(bytes_of(record) == whole);
  };
  std::string bytes = read_whole_file(file);
  bytes[bytes.size() / 2] ^= 1;
  write_whole_file(file, bytes);
  check_refused("the file is damaged");

  Checkpoint other = good;
  other.digest = "0123";
  write(other, file);
  check_refused("holds the run 0123");

  other = good;
  other.build = "another";
  write(other, file);
  check_refused("another build");

  other = good;
  other.state.erase("trainer/step");
  write(other, file);
  check_refused("it has no 'trainer/step'");
}

TEST_CASE("a checkpoint that was asked for does not end the run", "[run][resume]") {
  const ScratchFolder folder;
  const auto file = folder / "a.checkpoint";
  Stopper stopper;
  stopper.requests.save = true;
  run(stopper, file);
  CHECK_FALSE(stopper.requests.save);
  CHECK(read_checkpoint(file).provenance.continued == 0);
}
