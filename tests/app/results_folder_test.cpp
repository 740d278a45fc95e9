#include "framework/app/schedule/results_folder.h"

#include <chrono>
#include <cmath>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "framework/core/error.h"
#include "framework/results/whole_file.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using testing::ScratchFolder;

namespace fs = std::filesystem;

namespace {

LeaseText lease_of(const ProcessName& holder, const std::string& what = "twn, seed 1") {
  return {.holder = holder,
          .what = what,
          .started = "2030-01-02T03:04:05Z",
          .seconds = 12.5,
          .images_per_second = 5120,
          .progress = {"train", 41, 100, 2.4, 0.412, 0.871},
          .token = "0123",
          .after = ""};
}

const ProcessName kElsewhere = {"node7", "another start", 4711, "12345"};

// A process of this machine that has ended, and whose number is free.
ProcessName dead_process() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  ProcessName process = this_process();
  process.pid = child;
  return process;
}

void write(const fs::path& file, const LeaseText& text, double age_seconds = 0) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text.to_text();
  fs::last_write_time(file, fs::file_time_type::clock::now() -
                                std::chrono::milliseconds(long(1000 * age_seconds)));
}

}  // namespace

TEST_CASE("a lease's text is read back") {
  const auto text = lease_of(kElsewhere);
  const auto again = LeaseText::from_text(text.to_text());
  REQUIRE(again);
  CHECK(again->holder == kElsewhere);
  CHECK(again->what == "twn, seed 1");
  CHECK(again->started == "2030-01-02T03:04:05Z");
  CHECK(again->seconds == 12.5);
  CHECK(again->images_per_second == 5120);
  CHECK(again->progress.stage == "train");
  CHECK(again->progress.done == 41);
  CHECK(again->progress.epoch == 2.4);
  CHECK_FALSE(LeaseText::from_text(""));
  CHECK_FALSE(LeaseText::from_text(text.to_text().substr(0, 100)));
}

TEST_CASE("a lease of any length of name keeps its size") {
  auto text = lease_of(kElsewhere, std::string(3000, 'x'));
  CHECK(text.to_text().size() == lease_of(kElsewhere).to_text().size());
  CHECK(LeaseText::from_text(text.to_text()));
}

TEST_CASE("this process is alive, one that ended is not, one elsewhere is not known") {
  CHECK(is_alive(this_process()) == true);
  CHECK(is_alive(dead_process()) == false);
  auto younger = this_process();
  younger.born += "0";  // its number belongs to another now
  CHECK(is_alive(younger) == false);
  CHECK_FALSE(is_alive(kElsewhere));
}

TEST_CASE("a lease has one holder, and is free when that goes") {
  const ScratchFolder scratch;
  const auto file = scratch / "a.lease";
  {
    const auto first = Lease::take(file, lease_of(this_process()));
    REQUIRE(first.lease);
    const auto second = Lease::take(file, lease_of(this_process(), "another"));
    CHECK_FALSE(second.lease);
    CHECK(second.holder.what == "twn, seed 1");
    CHECK(holder_of(file));
  }
  CHECK(scratch.entries() == 0);
  CHECK(Lease::take(file, lease_of(this_process())).lease);
}

TEST_CASE("a dead process's lease is taken over, one of a silent machine after a time") {
  const ScratchFolder scratch;
  const auto file = scratch / "a.lease";
  const auto is_taken = [&] {
    return Lease::take(file, lease_of(this_process())).lease.has_value();
  };
  write(file, lease_of(dead_process()));
  CHECK(is_taken());
  CHECK(scratch.entries() == 0);  // and nothing of either is left
  write(file, lease_of(kElsewhere), kLeaseSeconds - 30);
  CHECK_FALSE(is_taken());
  write(file, lease_of(kElsewhere), kLeaseSeconds + 30);
  CHECK(is_taken());
}

TEST_CASE("how long another machine's holder has been silent is told") {
  const ScratchFolder scratch;
  const auto file = scratch / "a.lease";
  const auto silence = [&] {
    return Lease::take(file, lease_of(this_process())).holder.silent_seconds;
  };
  write(file, lease_of(kElsewhere), 100);
  CHECK(std::abs(silence() - 100) <= 5);  // the test may be slow
  write(file, lease_of(this_process()), 100);
  CHECK(silence() == 0);
}

TEST_CASE("a lease that is cut off is held while it is young") {
  const ScratchFolder scratch;
  std::ofstream(scratch / "a.lease") << "bitsweep le";
  CHECK_FALSE(Lease::take(scratch / "a.lease", lease_of(this_process())).lease);
  fs::last_write_time(scratch / "a.lease",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(Lease::take(scratch / "a.lease", lease_of(this_process())).lease);
}

TEST_CASE("who was taken to be dead notices, and leaves the lease to its new holder") {
  const ScratchFolder scratch;
  const auto file = scratch / "a.lease";
  auto first = Lease::take(file, lease_of(kElsewhere));
  REQUIRE(first.lease);
  CHECK_FALSE(first.lease->is_lost());
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(1));
  auto second = Lease::take(file, lease_of(this_process()));
  REQUIRE(second.lease);
  CHECK(first.lease->is_lost());
  first.lease.reset();
  CHECK_FALSE(second.lease->is_lost());
  CHECK(holder_of(file));
}

TEST_CASE("a lease is told by its text, not by the number of its file") {
  const ScratchFolder scratch;
  const auto file = scratch / "a.lease";
  auto lease = Lease::take(file, lease_of(this_process()));
  REQUIRE(lease.lease);
  // Over sshfs, a name that was linked has another number than the file that is open.
  fs::copy_file(file, scratch / "copy");
  fs::rename(scratch / "copy", file);
  CHECK_FALSE(lease.lease->is_lost());
  lease.lease.reset();
  CHECK_FALSE(fs::exists(file));
  // Another lease in its place is told from it.
  const auto first = Lease::take(file, lease_of(this_process()));
  fs::remove(file);
  const auto second = Lease::take(file, lease_of(this_process()));
  REQUIRE((first.lease && second.lease));
  CHECK(first.lease->is_lost());
  CHECK_FALSE(second.lease->is_lost());
}

TEST_CASE("of many who take one stale lease at once, one gets it") {
  const ScratchFolder scratch;
  for (int round = 0; round < 5; ++round) {
    const auto file = scratch / ("x" + std::to_string(round) + ".lease");
    write(file, lease_of(dead_process()));
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      children.push_back(fork());
      if (children.back() != 0) continue;
      const auto taken = Lease::take(file, lease_of(this_process()));
      usleep(100000);
      _exit(taken.lease ? 1 : 0);
    }
    int holders = 0;
    for (const pid_t child : children) {
      int status = 0;
      waitpid(child, &status, 0);
      holders += WEXITSTATUS(status);
    }
    CHECK(holders == 1);
  }
}

TEST_CASE("a run is claimed by one of two who share a folder") {
  const ScratchFolder scratch;
  ResultsFolder first(scratch / "out");
  ResultsFolder second(scratch / "out");
  CHECK_FALSE(first.claim("abc", "twn, seed 1"));
  const auto holder = second.claim("abc", "twn, seed 1");
  REQUIRE(holder);
  CHECK(holder->holder == this_process());
  CHECK(running_in(scratch / "out").at("abc").what == "twn, seed 1");
  CHECK(processes_in(scratch / "out").size() == 2);
  first.release("abc");
  CHECK_FALSE(second.claim("abc", "twn, seed 1"));
}

TEST_CASE("what a dead process left of a done run's lease goes, a live one's stays") {
  const ScratchFolder scratch;
  ResultsFolder first(scratch / "out");
  const fs::path dead = scratch / "out/runs/abc.lease";
  write(dead, lease_of(dead_process()));
  first.clear_lease("abc");
  CHECK_FALSE(fs::exists(dead));
  ResultsFolder second(scratch / "out");
  REQUIRE_FALSE(second.claim("abc", "twn, seed 1"));
  first.clear_lease("abc");
  CHECK(running_in(scratch / "out").contains("abc"));
  first.clear_lease("of no run");
  CHECK_FALSE(fs::exists(scratch / "out/runs/of no run.lease"));
}

TEST_CASE("who works on all records is alone in the folder") {
  const ScratchFolder scratch;
  const auto out = scratch / "out";
  {
    const ResultsFolder batch(out);
    CHECK_THROWS_WITH(ResultsFolder(out, ResultsFolder::Use::kAlone),
                      Contains("another bitsweep (run) is working in this folder"));
  }
  {
    const ResultsFolder alone(out, ResultsFolder::Use::kAlone);
    CHECK_THROWS_WITH(ResultsFolder(out),
                      Contains("another bitsweep (clean) is working in this folder"));
  }
  CHECK_NOTHROW(ResultsFolder(out));
}

TEST_CASE("a draft appears in its place or nowhere") {
  const ScratchFolder scratch;
  const fs::path place = scratch / "out/runs/x.h5";
  {
    const ResultsFolder folder(scratch / "out");
    std::ofstream(folder.draft("abc")) << "record";
    std::ofstream(folder.draft("def")) << "half a rec";
    folder.publish("abc", place);
    CHECK(fs::exists(place));
    CHECK_THROWS_AS(folder.publish("never written", place), RunError);
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path())) {
    files += entry.is_regular_file();
  }
  CHECK(files == 1);
}

TEST_CASE("the corner of a process that died is removed, that of one elsewhere is not") {
  const ScratchFolder scratch;
  const auto corners = scratch / "out/.unfinished";
  write(corners / "dead.lease", lease_of(dead_process()));
  write(corners / "dead/abc.h5", lease_of(kElsewhere));
  write(corners / "node7.lease", lease_of(kElsewhere, "run"));
  write(corners / "node7/abc.h5", lease_of(kElsewhere));
  const ResultsFolder folder(scratch / "out");
  CHECK_FALSE(fs::exists(corners / "dead"));
  CHECK_FALSE(fs::exists(corners / "dead.lease"));
  CHECK(fs::exists(corners / "node7/abc.h5"));
}

TEST_CASE("a folder that cannot be made is refused with the way out") {
  const ScratchFolder scratch;
  std::ofstream(scratch / "file") << "in the way";
  CHECK_THROWS_WITH(ResultsFolder(scratch / "file/out"),
                    Contains("results cannot be written there") && Contains("--out"));
}
