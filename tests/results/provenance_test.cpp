#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/results/record.h"
#include "framework/results/whole_file.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using bitsweep::testing::ScratchFolder;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Matches;

namespace {

bool shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// A repository of its own, with one committed source.
class Repository {
 public:
  Repository() {
    std::filesystem::create_directories(folder_ / "framework");
    edit("framework/source", "1");
    edit("README", "1");
    git("init -q");
    git("add .");
    commit();
  }
  void edit(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ / file) << text;
  }
  bool git(const std::string& arguments) const {
    return shell("git -C " + folder_.path().string() +
                 " -c user.name=t -c user.email=t@t -c commit.gpgsign=false " +
                 arguments);
  }
  void commit() const { REQUIRE(git("commit -q -a --allow-empty -m change")); }

  /// The header that a build would make now.
  std::string header(const std::string& source = ".") const {
    REQUIRE(shell("cmake -DSOURCE=" + (folder_ / source).string() +
                  " -DOUTPUT=" + header_path().string() +
                  " -P " BITSWEEP_SOURCE_DIR "/framework/results/revision.cmake"));
    return read_whole_file(header_path());
  }
  std::filesystem::path header_path() const { return outside_ / "revision.h"; }

 private:
  ScratchFolder folder_;
  ScratchFolder outside_;
};

bool git_is_there() {
  if (shell("git --version")) return true;
  WARN("git is not installed; skipped");
  return false;
}

}  // namespace

TEST_CASE("the revision follows each commit and says when sources differ from it") {
  if (!git_is_there()) return;
  const Repository repository;
  const auto first = repository.header();
  CHECK_THAT(first, Matches("#define BITSWEEP_REVISION \"[0-9a-f]{12}\"\n"));

  repository.edit("framework/source", "2");
  const auto dirty = repository.header();
  CHECK(dirty == first.substr(0, first.size() - 2) + "-dirty\"\n");

  repository.commit();
  const auto second = repository.header();
  CHECK_THAT(second, Matches("#define BITSWEEP_REVISION \"[0-9a-f]{12}\"\n"));
  CHECK(second != first);
}

TEST_CASE("a change of what is not built does not make a revision dirty") {
  if (!git_is_there()) return;
  const Repository repository;
  const auto clean = repository.header();
  repository.edit("README", "2");
  repository.edit("framework/new", "not added");
  CHECK(repository.header() == clean);
}

TEST_CASE("the revision's header is left alone while the revision stays") {
  if (!git_is_there()) return;
  const Repository repository;
  repository.header();
  const std::filesystem::file_time_type long_ago{};
  std::filesystem::last_write_time(repository.header_path(), long_ago);
  repository.header();
  CHECK(std::filesystem::last_write_time(repository.header_path()) == long_ago);
  repository.commit();
  repository.header();
  CHECK(std::filesystem::last_write_time(repository.header_path()) != long_ago);
}

TEST_CASE("sources within another project's repository have no revision") {
  if (!git_is_there()) return;
  const Repository repository;
  CHECK(repository.header("framework") == "#define BITSWEEP_REVISION \"unknown\"\n");
}

TEST_CASE("the provenance names program, compiler and machine") {
  const auto provenance = current_provenance();
  CHECK_THAT(provenance.program, Matches("bitsweep [0-9]+\\.[0-9]+\\.[0-9]+"));
  CHECK_THAT(provenance.revision, Matches("[0-9a-f]{12}(-dirty)?|unknown"));
  CHECK_THAT(provenance.compiler, Matches("(GCC|Clang) [0-9]+\\.[0-9]+\\.[0-9]+"));
  CHECK(provenance.arch == BITSWEEP_ARCH);
  CHECK(provenance.threads == threads());
  CHECK_FALSE(provenance.cpu.empty());
  CHECK_FALSE(provenance.host_os.empty());
  CHECK(provenance.host_os.find('"') == std::string::npos);
}

TEST_CASE("the start of a run is stated in UTC") {
  const auto before = std::time(nullptr);
  const auto started = current_provenance().started;
  std::tm parts{};
  const char* rest = strptime(started.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  REQUIRE(rest != nullptr);
  CHECK(std::string(rest) == "Z");
  const auto stated = timegm(&parts);
  CHECK(before <= stated);
  CHECK(stated <= std::time(nullptr));
}

TEST_CASE("the peak of memory grows by what is used") {
  const double before = peak_memory_mb();
  CHECK(before > 1);
  std::vector<char> used(200'000'000, 1);
  CHECK(used.back() == 1);
  CHECK(peak_memory_mb() >= 200);
  CHECK(current_provenance().peak_memory_mb >= 200);
}
