// What is too much to be meant is refused with its place, before it costs time or memory.

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "framework/config/expression.h"
#include "framework/config/yaml.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr long kMostMegabytes = 1000;  // memory is padded, and freed late
#else
constexpr long kMostMegabytes = 500;
#endif

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string numbers(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += fmt::format("{},", i);
  return all;
}

std::string study_with(const std::string& rows, const std::string& more = "") {
  return "name: s\ndataset: {id: mnist}\nnetwork: {id: net.yaml}\n" + more + rows;
}

// What `text` is refused with as a study; it must be cheap. The bound is far below what
// it would cost without a limit.
std::string refused_study(const std::string& text) {
  const Folder folder;
  folder.write("net.yaml",
               "layers:\n  - {name: fc, linear: {outputs: 10}}\n"
               "recipe: plain.yaml\n");
  folder.write("plain.yaml", "epochs: 1\n");
  const auto file = folder.write("s.yaml", text);
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
  };
  const auto before = peak();
  const std::string why =
      without(refusal([&] { load_study(file, {}, Methods()); }), folder.path());
  CHECK(peak() - before < kMostMegabytes);
  return why;
}

}  // namespace

TEST_CASE("aliases count at their full size", "[limits][refusal]") {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    laughs +=
        fmt::format("a{0}: &a{0} [{1}]\n", i, repeated(fmt::format("*a{}, ", i - 1), 9));
  }
  CHECK(refused_study(laughs) ==
        "s.yaml:6: more than 100000 values up to here, aliases counted; a file may hold "
        "that many");
  const std::string word = "a: &a " + std::string(1 << 20, 'x') + "\n";
  CHECK(refused_study(word + "b: [" + repeated("*a,", 1000) + "]\n") ==
        "s.yaml:2: more than 8388608 bytes of text up to here, aliases counted; a file "
        "may hold that many");
}

TEST_CASE("too many values, keys and levels are refused", "[limits][refusal]") {
  CHECK(
      refused_study(study_with("rows:\n" + repeated("  - {method: plain}\n", 100'000))) ==
      "s.yaml:33334: more than 100000 values up to here, aliases counted; a file may "
      "hold that many");
  std::string keys = "name: s\nk:\n";
  for (int i = 0; i < 100'000; ++i) keys += fmt::format("  key{}: 1\n", i);
  CHECK(refused_study(keys) == "s.yaml:1003: more than 1000 keys in one mapping");
  CHECK(refused_study("a: " + std::string(100'000, '[')) ==
        "s.yaml:1: more than 32 lists and mappings in each other");
  CHECK(refused_study("\n" + std::string(1000, 'k') + ": 1\n") ==
        "s.yaml:2: a key of 1000 bytes; a key has at most 200");
}

TEST_CASE("too many seeds, rows and runs are refused", "[limits][refusal]") {
  CHECK(refused_study(
            study_with("method: {id: plain}\n", "seeds: [" + numbers(20'000) + "]\n")) ==
        "s.yaml:4: seeds: 20000 seeds; at most 1000 are expected");
  CHECK(refused_study(study_with("rows:\n  - method: {id: bits, weight_bits: [" +
                                 numbers(20'000) + "]}\n")) ==
        "s.yaml:5: rows.0: its 20004 values stand for more than 49 combinations");
  CHECK(refused_study(study_with("rows:\n" + repeated("  - method: {id: plain}\n", 200),
                                 "seeds: [" + numbers(1000) + "]\n")) ==
        "s.yaml:5: rows: 200000 runs, with networks and seeds multiplied; a study of "
        "these networks may have 10000");
}

TEST_CASE("many equal rows are refused without comparing all pairs",
          "[limits][refusal]") {
  CHECK_THAT(
      refused_study(study_with("rows:\n" + repeated("  - method: {id: plain}\n", 5000))),
      Catch::Matchers::Contains("two rows are 'plain'"));
}

TEST_CASE("repetitions within repetitions are bounded", "[limits][refusal]") {
  const Folder folder;
  std::string layers = "[relu]";
  for (int i = 0; i < 8; ++i) {
    layers = "[{repeat: {times: 1000, body: " + layers + "}}]";
  }
  const auto file = folder.write("net.yaml", "\nlayers: " + layers + "\n");
  const auto study = folder.write("s.yaml", study_with("method: {id: plain}\n"));
  CHECK(without(refusal([&] { load_study(study, {}, Methods()); }), folder.path()) ==
        "net.yaml:2: layers: more than 20000 layers up to here, repetitions counted; a "
        "network has at most that many");
}

TEST_CASE("expressions are bounded in depth", "[limits][refusal]") {
  CHECK_THAT(refusal([] { expanded("${" + std::string(100'000, '(') + "}", {}); }),
             Catch::Matchers::EndsWith("signs and parentheses too deep"));
}

TEST_CASE("a study that is no regular file is refused at once", "[limits][refusal]") {
  const auto why = [](const std::filesystem::path& file) {
    return refusal([&] { load_study(file, {}, Methods()); });
  };
  CHECK(why("/dev/zero") ==
        "/dev/zero: is a device or a pipe; a regular file is expected");
  const Folder folder;
  const auto pipe = folder.path() / "pipe.yaml";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(without(why(pipe), folder.path()) ==
        "pipe.yaml: is a device or a pipe; a regular file is expected");
  const auto large = folder.write("large.yaml", "name: s\n");
  std::filesystem::resize_file(large, 1 << 30);
  CHECK(without(why(large), folder.path()) ==
        "large.yaml: 1073741824 bytes; a file of at most 8388608 is expected");
}
