// Several processes on one study. The pipeline trains nothing; a marker file tells how
// often each run was carried out (fake_program.cpp).
#include <csignal>
#include <map>
#include <thread>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framework/app/schedule/results_folder.h"
#include "tests/app/fake_study.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using testing::Study;

namespace {

std::string counting(const testing::ScratchFolder& folder, int milliseconds) {
  return fmt::format("BITSWEEP_FAKE_COUNTS={} BITSWEEP_FAKE_SLEEPS={}",
                     folder.path().string(), milliseconds);
}

// How often each run was carried out, by its digest.
std::map<std::string, std::size_t> counts_in(const testing::ScratchFolder& folder) {
  std::map<std::string, std::size_t> counts;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    counts[entry.path().filename()] = std::filesystem::file_size(entry.path());
  }
  return counts;
}

}  // namespace

TEST_CASE("four processes at once do every run of a study exactly once") {
  const Study study("[1, 2, 3, 4, 5]");
  const testing::ScratchFolder counts;
  std::vector<testing::Finished> finished(4);
  {
    std::vector<std::jthread> processes;
    for (auto& one : finished) {
      processes.emplace_back([&] { one = study.run("--jobs 1", counting(counts, 30)); });
    }
  }
  bool has_whole_table = false;
  for (const auto& one : finished) {
    CAPTURE(one.err);
    CHECK(one.code == 0);
    CHECK_THAT(one.out, Contains("| twn "));
    has_whole_table = has_whole_table || one.err.find("elsewhere") == std::string::npos;
  }
  CHECK(has_whole_table);
  const auto carried_out = counts_in(counts);
  CHECK(carried_out.size() == 10);
  for (const auto& [digest, times] : carried_out) CHECK(times == 1);
  for (const auto& record : study.records()) CHECK(record.status == "done");
  CHECK(running_in(study.out()).empty());
}

TEST_CASE("what a killed process was at is taken over") {
  const Study study("[1, 2]");
  const testing::ScratchFolder counts;
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    study.run("--jobs 1", "exec env " + counting(counts, 60000));
    _exit(0);
  }
  for (int i = 0; i < 500 && running_in(study.out()).empty(); ++i) usleep(10000);
  const auto running = running_in(study.out());
  REQUIRE(running.size() == 1);
  CHECK(running.begin()->second.what == "float, seed 1");
  kill(running.begin()->second.holder.pid, SIGKILL);
  kill(-child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto finished = study.run();
  CAPTURE(finished.err);
  CHECK(finished.code == 0);
  CHECK(study.records().size() == 4);
  CHECK_FALSE(std::filesystem::exists(study.out() / ".unfinished"));
  for (const auto& name : study.files()) CHECK_THAT(name, !Contains(".lease"));
}

TEST_CASE("a process waits for another's float run that its rows begin with") {
  const Study study("1");
  const testing::ScratchFolder told;
  const std::string go = (told / "go").string();
  const std::string heard = (told / "heard").string();
  std::jthread first([&] { study.run("--jobs 1", "env BITSWEEP_FAKE_WAITS_FOR=" + go); });
  for (int i = 0; i < 1000 && running_in(study.out()).empty(); ++i) usleep(10000);
  std::jthread second([&] { study.run("--jobs 1 2>" + heard); });
  const auto has_told = [&] {
    return testing::file_text(heard).find("waiting for float, seed 1, which ") !=
           std::string::npos;
  };
  for (int i = 0; i < 1000 && !has_told(); ++i) usleep(10000);
  CHECK(has_told());
  std::ofstream(go) << "go";
  first.join();
  second.join();
  CHECK_THAT(testing::file_text(heard),
             Contains(" is at: 1 run here begins with it\n") &&
                 Contains("float, seed 1: test accuracy 95.00 % after") &&
                 Contains(", by another process\n"));
  CHECK(study.records().size() == 2);
}
