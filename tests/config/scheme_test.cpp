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
  CHECK(study.rows[2].label == "ours w2 first=8");
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
  CHECK_THAT(refused("{a: b}"), Catch::Contains("the name of a scheme is expected"));
}

TEST_CASE("short widths of a row go before the widths of its scheme", "[scheme]") {
  const Folder folder;
  const auto rows_of = [&](const std::string& scheme, const std::string& own) {
    write_scheme(folder, scheme);
    const auto file = folder.write(
        "study.yaml", kSchemeHead + "rows:\n  - method: {scheme: ours, " + own + "}\n");
    auto rows = load_study(file, {}, Methods()).rows;
    rows.erase(rows.begin());
    return rows;
  };
  const auto widths = [](const RowSpec& row) {
    const auto& params = row.runs[0].method.params;
    return params.at("weight_bits").text() + "/" + params.at("activation_bits").text();
  };
  const std::string both = "method: {id: bits, weight_bits: 8, activation_bits: 8}\n";
  const auto short_one = rows_of(both, "bits: 4");
  CHECK(widths(short_one[0]) == "4/4");
  CHECK(short_one[0].label == "ours w4 a4");
  const auto& changes = short_one[0].written->scheme_changes;
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].key == "method.activation_bits");
  CHECK(changes[0].published == "8");
  CHECK(changes[0].own == "4");
  CHECK(changes[2].key == "edges.last");  // of the study, where the scheme says nothing
  CHECK(changes[2].published == "float");
  CHECK(changes[2].is_unsaid);

  const auto pairs = rows_of(both, "bits: [[2, 4], [8, 8]]");
  CHECK(widths(pairs[0]) == "2/4");
  CHECK(pairs[0].label == "ours w2 a4");
  CHECK(pairs[1].written->scheme_changes.size() == 1);

  const auto same = rows_of(both, "bits: 8");
  CHECK(same[0].label == "ours");
  CHECK(widths(rows_of("method: {id: bits, bits: 8}\n", "weight_bits: 4")[0]) == "4/8");
  const auto of_weights = rows_of("method: {id: rounds}\n", "bits: 3");
  CHECK(of_weights[0].label == "ours w3");
  // By its former name, too.
  const auto former = rows_of("method: {id: bits, stochastic: false}\n", "random: true");
  CHECK(former[0].label == "ours stochastic=true");
}

TEST_CASE("a study that gives a width twice itself is refused", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits, weight_bits: 8, activation_bits: 8}\n");
  const auto file = folder.write(
      "study.yaml",
      kSchemeHead + "rows:\n  - method: {scheme: ours, bits: 4, weight_bits: 2}\n");
  CHECK(without(refusal([&] { load_study(file, {}, Methods()); }), folder.path()) ==
        "study.yaml:6: rows.0.method.bits: given beside 'weight_bits'; keep one of them");
}

TEST_CASE("a list of schemes stands for a row each", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits, weight_bits: 4}\n");
  std::ofstream(folder.path() / "configs/schemes/theirs.yaml")
      << "method: {id: rounds}\nedges: {first: method}\n";
  const auto labels = [&](const std::string& row) {
    std::vector<std::string> all;
    const auto file =
        folder.write("study.yaml", kSchemeHead + "rows:\n  - " + row + "\n");
    for (const auto& spec : load_study(file, {}, Methods()).rows) {
      all.push_back(spec.label);
    }
    all.erase(all.begin());
    return all;
  };
  using Labels = std::vector<std::string>;
  CHECK(labels("method: {scheme: [ours, theirs]}") == Labels{"ours", "theirs"});
  CHECK(labels("method: {weight_bits: [2, 3], scheme: [ours, theirs]}") ==
        Labels{"ours w2", "ours w3", "theirs w2", "theirs w3"});
  CHECK(labels("{method: {scheme: [ours, theirs]}, label: x}") ==
        Labels{"x ours", "x theirs"});
  CHECK(labels("{method: {scheme: [ours, theirs]}, published: [{loss: 1}, none]}") ==
        Labels{"ours", "theirs"});
}

TEST_CASE("a row of a scheme is called by what else it does", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits}\nedges: {last: method}\n");
  const auto label = [&](const std::string& row) {
    const auto file =
        folder.write("study.yaml", kSchemeHead + "rows:\n  - " + row + "\n");
    return load_study(file, {}, Methods()).rows[1].label;
  };
  CHECK(label("{method: {scheme: ours}, edges: {last: method, first: 8}}") == "ours");
  CHECK(label("{method: {scheme: ours}, edges: {last: float}}") == "ours last=float");
  CHECK(label("{method: {scheme: ours}, pruning: {keep: 0.5}}") == "ours pruned");
  CHECK(label("{method: {scheme: ours}, sites: [{match: ip1/*, method: plain}]}") ==
        "ours with site rules");
  CHECK(label("{method: {scheme: ours, weight_bits: 4}, label: mine}") == "mine");
}

TEST_CASE("a study of one row says itself what a scheme does", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits}\nedges: {first: method, last: method}\n");
  const auto study =
      load_study(folder.write("study.yaml", kSchemeHead + "method: {scheme: ours}\n"), {},
                 Methods());
  CHECK(study.rows[1].runs[0].edges.first == "float");
  CHECK(study.rows[1].label == "ours first=float last=8");
}

TEST_CASE("a scheme is no method of a rule, and has no id beside it", "[scheme]") {
  const Folder folder;
  write_scheme(folder, "method: {id: bits, weight_bits: 4}\n");
  const auto refused = [&](const std::string& row) {
    const auto file =
        folder.write("study.yaml", kSchemeHead + "rows:\n  - " + row + "\n");
    return without(refusal([&] { load_study(file, {}, Methods()); }), folder.path());
  };
  CHECK(refused("{method: plain, sites: [{match: ip1/*, method: {scheme: ours}}]}") ==
        "study.yaml:6: rows.0.sites.0.method.scheme: a scheme is for a whole row, whose "
        "edges it sets too: {method: {scheme: ...}} of a row; a rule of sites takes {id: "
        "...}");
  CHECK(refused("method: {scheme: ours, id: rounds}") ==
        "study.yaml:6: rows.0.method.id: given beside 'scheme', which sets the method "
        "(bits); keep one of them");
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
