#include "framework/results/whole_file.h"

#include <csignal>
#include <string>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "framework/core/error.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using bitsweep::testing::ScratchFolder;
using Catch::Matchers::Contains;

namespace {

/// Lets no file grow beyond `bytes`, as a full disk would, while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("a file is read back as it was written") {
  const ScratchFolder folder;
  const std::string bytes("a\0b\r\n\xff", 6);
  write_whole_file(folder / "file", bytes);
  CHECK(read_whole_file(folder / "file") == bytes);
  write_whole_file(folder / "file", "");
  CHECK(read_whole_file(folder / "file").empty());
  CHECK(folder.entries() == 1);
}

TEST_CASE("a write that fails leaves the older file and nothing else") {
  const ScratchFolder folder;
  write_whole_file(folder / "file", "older");
  {
    const FileSizeLimit limit(1000);
    CHECK_THROWS_WITH(write_whole_file(folder / "file", std::string(5000, 'x')),
                      Contains("file: cannot be written (File too large)"));
  }
  CHECK(read_whole_file(folder / "file") == "older");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a rename that fails leaves no temporary file") {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "taken" / "by");
  CHECK_THROWS_AS(write_whole_file(folder / "taken", "text"), RunError);
  CHECK(folder.entries() == 1);
}

TEST_CASE("writing into a folder that is not there names the path and the reason") {
  const ScratchFolder folder;
  CHECK_THROWS_AS(write_whole_file(folder / "no/file", "text"), RunError);
  CHECK_THROWS_WITH(write_whole_file(folder / "no/file", "text"),
                    Contains("no/file: cannot be written (No such file or directory)"));
}

TEST_CASE("reading what is no file is refused") {
  const ScratchFolder folder;
  CHECK_THROWS_AS(read_whole_file(folder / "none"), DataError);
  CHECK_THROWS_WITH(read_whole_file(folder / "none"),
                    Contains("none: there is no such file"));
  CHECK_THROWS_WITH(read_whole_file(folder.path()), Contains("is not a file"));
}
