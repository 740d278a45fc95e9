// Plugins that end or hang their process cost their own rows, and are named. The real
// program, on drawn images.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/app/resume_check.h"
#include "framework/core/parallel.h"
#include "framework/quant/plugin.h"
#include "methods/builtin_methods.h"
#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

namespace {

const std::string kPlugin = BITSWEEP_BINARY_DIR "/lib/misbehaving.so";

// `patience`: seconds without a sign of life after which a process counts as hanging.
testing::Finished real_program(const std::string& words, int patience = 60) {
  return testing::run_real_program(words, fmt::format("BITSWEEP_PATIENCE={}", patience));
}

std::string study_file(const testing::ScratchFolder& folder, const std::string& how) {
  const auto file = folder / "study.yaml";
  std::ofstream(file) << "name: tiny\n"
                         "dataset: {id: shapes, validation: 0, train_limit: 20, "
                         "test_limit: 10}\n"
                         "network: {id: lenet-300-100}\n"
                         "training: {epochs: 1, batch_size: 10}\n"
                         "fine_tuning: none\n"
                         "rows:\n"
                         "  - method: {id: twn}\n"
                         "  - method: {id: misbehaving, how: "
                      << how << "}\n";
  return file.string();
}

struct Case {
  std::string how;
  std::string reason;
};

}  // namespace

TEST_CASE("a plugin that ends its process costs its row", "[plugin]") {
  const auto& [how, reason] = GENERATE(
      Case{"abort", "killed by signal 6 (Aborted)"}, Case{"throw", "threw: vector::at"},
      Case{"exit", "ended by itself (status 0)"}, Case{"hang", "no answer for 6 s"},
      Case{"fork", "ended by itself (status 0)"});
  const testing::ScratchFolder folder;
  const auto study = study_file(folder, how);
  const auto done = real_program(fmt::format("run {} --plugin {} --out {}", study,
                                             kPlugin, (folder / "out").string()),
                                 how == "hang" ? 6 : 60);
  CAPTURE(how, done.err);
  CHECK(done.code == 1);
  CHECK_THAT(done.err, Contains("row 'misbehaving") &&
                           Contains("method 'misbehaving' of") && Contains(reason) &&
                           Contains("bitsweep: failed: misbehaving"));
  CHECK_THAT(done.err, Contains("twn w2, seed 1: test accuracy"));
}

TEST_CASE("a plugin that ends its process is a mistake when validated", "[plugin]") {
  const testing::ScratchFolder folder;
  const auto done = real_program(
      fmt::format("validate {} --plugin {}", study_file(folder, "abort"), kPlugin));
  CHECK(done.code == 2);
  CHECK_THAT(done.err, Contains("was asked for its quantizers: killed by signal 6"));
}

TEST_CASE("a sound plugin passes the same way", "[plugin]") {
  const testing::ScratchFolder folder;
  const auto done = real_program(
      fmt::format("validate {} --plugin {}", study_file(folder, "no"), kPlugin));
  CAPTURE(done.err);
  CHECK(done.code == 0);
}

TEST_CASE("check tells of a crash as a failed check", "[plugin]") {
  const auto done =
      real_program("check misbehaving --quiet --set how=abort --plugin " + kPlugin);
  CHECK(done.code == 1);
  CHECK_THAT(done.err, Contains("of 'misbehaving' failed: killed by signal 6 (Aborted)"));
}

TEST_CASE("check tells of a member that a saved state has not", "[plugin]") {
  const auto done =
      real_program("check misbehaving --quiet --set how=forget --plugin " + kPlugin);
  CAPTURE(done.out);
  CHECK(done.code == 1);
  CHECK_THAT(done.out, Contains("save and load  VIOLATED") &&
                           Contains("trained on after loading, value ") &&
                           Contains("resume         VIOLATED") &&
                           Contains("cut every 3 batches, 'network/") &&
                           Contains("visit_state is to show every member") &&
                           Contains("misbehaving: fails 2 of "));
}

TEST_CASE("every method, and a plugin's, goes on from its checkpoints as undisturbed",
          "[plugin][conformance]") {
  set_threads(1);  // two have nothing to share in a network of this size
  PluginLibraries libraries;
  MethodRegistry methods;
  register_builtin_methods(methods);
  libraries.load(BITSWEEP_BINARY_DIR "/lib/example_plugin.so", methods);
  for (const auto& id : methods.ids()) {
    std::vector<ParamProblem> problems;
    const auto found = check_resume({id, methods.at(id).resolve({}, problems)}, methods);
    INFO(id << ": " << found.example);
    CHECK(found.holds());
    CHECK(found.asked == 1);
  }
}

TEST_CASE("a library that ends the process which loads it is refused by name",
          "[plugin][refusal]") {
  const std::string library = BITSWEEP_BINARY_DIR "/lib/ends_at_load.so";
  const auto done = real_program("methods --plugin " + library);
  CHECK(done.code == 2);
  CHECK_THAT(done.err, Contains(library + ": does not survive being loaded: killed by "
                                          "signal 6 (Aborted)"));
}
