// Schemes: files that say what a library sets, named by rows.
#include <algorithm>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "framework/config/scheme_file.h"
#include "framework/config/study_file.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

const std::string kSchemeHead =
    "name: s\n"
    "dataset: {id: mnist}\n"
    "network: {id: lenet}\n"
    "edges: {first: float, last: '8'}\n";

void write_scheme(const Folder& folder, const std::string& text) {
  std::filesystem::create_directories(folder.path() / "configs/schemes");
  std::ofstream(folder.path() / "configs/schemes/ours.yaml") << text;
}

}  // namespace

TEST_CASE("a scheme gives a row its method and edges", "[scheme]") {
  const Folder folder;
  write_scheme(folder,
               "method: {id: bits, weight_bits: 4, activation_bits: 8}\n"
               "edges: {first: method, image: method}\n");
  const auto study = load_study(
      folder.write(
          "study.yaml",
          kSchemeHead +
              "rows:\n"
              "  - method: {scheme: ours}\n"
              "  - {method: {scheme: ours, weight_bits: 2}, edges: {first: 8}}\n"),
      {}, Methods());
  const RunSpec& plain = study.rows[1].runs[0];
  CHECK(plain.method.id == "bits");
  CHECK(plain.method.params.at("weight_bits").text() == "4");
  CHECK(plain.edges.first == "method");
  CHECK(plain.edges.last == "8");
  CHECK(study.rows[1].label == "ours");
  CHECK(study.rows[2].label == "bits w2 a8");
  const RunSpec& changed = study.rows[2].runs[0];
  CHECK(changed.method.params.at("weight_bits").text() == "2");
  CHECK(changed.method.params.at("activation_bits").text() == "8");
  CHECK(changed.edges.first == "8");
  CHECK(changed.edges.image == "method");
}

TEST_CASE("a row that varies a scheme by lists is called by both", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits, weight_bits: 4, activation_bits: 8}\n");
  const auto study = load_study(
      folder.write(
          "study.yaml",
          kSchemeHead + "rows:\n  - method: {scheme: ours, weight_bits: [2, 4]}\n"),
      {}, Methods());
  CHECK(study.rows[1].label == "ours w2");
  CHECK(study.rows[2].label == "ours w4");
}

TEST_CASE("a scheme that is not there or says too much is refused", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits}\nepochs: 3\n");
  const auto refused = [&](const std::string& scheme) {
    const auto file = folder.write(
        "study.yaml", kSchemeHead + "rows:\n  - method: {scheme: " + scheme + "}\n");
    return refusal([&] { load_study(file, {}, Methods()); });
  };
  CHECK_THAT(refused("our"), Catch::Contains("did you mean 'ours'?"));
  CHECK_THAT(refused("our"), !Catch::Contains("needs an id"));
  CHECK_THAT(refused("ours"), Catch::Contains("ours.yaml:2: epochs: unknown key"));
  CHECK_THAT(refused("[ours, ours]"), Catch::Contains("the name of one scheme"));
}

TEST_CASE("the README of configs names every scheme", "[shipped]") {
  std::ifstream file(BITSWEEP_SOURCE_DIR "/configs/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto schemes = known_schemes(ConfigFolders{});
  CHECK(schemes.size() >= 10);
  for (const auto& scheme : schemes) {
    CAPTURE(scheme);
    CHECK(text.find("`" + scheme + "`") != std::string::npos);
  }
}
