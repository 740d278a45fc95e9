#include "framework/app/schedule/results_lock.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using testing::ScratchFolder;

namespace fs = std::filesystem;

TEST_CASE("a folder of results has one writer at a time") {
  const ScratchFolder scratch;
  {
    const ResultsLock first(scratch / "out");
    CHECK_THROWS_WITH(ResultsLock(scratch / "out"),
                      Contains("another bitsweep is working in this folder"));
  }
  CHECK_NOTHROW(ResultsLock(scratch / "out"));
}

TEST_CASE("a draft appears in its place or nowhere") {
  const ScratchFolder scratch;
  const fs::path place = scratch / "out/runs/x.h5";
  {
    const ResultsLock lock(scratch / "out");
    std::ofstream(lock.draft("abc")) << "record";
    std::ofstream(lock.draft("def")) << "half a rec";
    lock.publish("abc", place);
    CHECK(fs::exists(place));
    CHECK_THROWS_AS(lock.publish("never written", place), RunError);
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path())) {
    files += entry.is_regular_file() && entry.path().filename() != ".lock";
  }
  CHECK(files == 1);
}

TEST_CASE("a folder that cannot be made is refused with the way out") {
  const ScratchFolder scratch;
  std::ofstream(scratch / "file") << "in the way";
  CHECK_THROWS_WITH(ResultsLock(scratch / "file/out"),
                    Contains("results cannot be written there") && Contains("--out"));
}
