#include "framework/report/report.h"

#include <cmath>
#include <fstream>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/report/approved.h"
#include "tests/report/sample_study.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

using Records = std::map<std::string, RunRecord>;
using Texts = std::vector<std::string>;

StudyReport report_of(const Records& records, const StudySpec& study = sample_study()) {
  return build_report(make_manifest(study, sample_name), lookup_in(records));
}

ReportRow row_of(const StudyReport& report, const std::string& label) {
  for (const auto& row : report.rows) {
    if (row.row.label == label) return row;
  }
  throw std::out_of_range(label);
}

}  // namespace

TEST_CASE("the table for people is as approved") {
  check_approved(render(report_of(sample_records()), "md"), "study.md");
}

TEST_CASE("the table for programs is as approved") {
  check_approved(render(report_of(sample_records()), "csv"), "study.csv");
}

TEST_CASE("the report of a study that has not run is as approved") {
  check_approved(render(report_of({}), "md"), "nothing_run.md");
}

TEST_CASE("an unknown format is refused with those there are") {
  const auto report = report_of({});
  CHECK_THROWS_AS(render(report, "pdf"), ConfigError);
  CHECK_THROWS_WITH(render(report, "pdf"), Contains("'pdf'; available: md, csv"));
}

TEST_CASE("a figure that another paper quotes is marked, with what the mark means") {
  const auto text_of = [](const char* mark) {
    auto study = sample_study();
    study.rows[1].published.loss = 2.5;
    study.rows[1].published.mark = mark;
    return render(report_of(sample_records(), study), "md");
  };
  CHECK_THAT(text_of("quoted"), Contains("2.5‡") && Contains("- ‡: quoted, read in"));
  CHECK_THAT(text_of("verified"), Contains("2.5") && !Contains("‡"));
}

TEST_CASE("a verdict stands beside a published figure") {
  const auto verdict = [](const char* recipe) {
    auto study = sample_study();
    study.rows[1].published.loss = 2;  // twn's is 2 +- 0.62
    study.rows[1].published.recipe = recipe;
    return row_of(report_of(sample_records(), study), "twn").verdict;
  };
  CHECK(verdict("same") == "reproduced");
  CHECK(verdict("differs") == "recipe differs");
  CHECK(row_of(report_of(sample_records()), "lognet").verdict == "");
}

TEST_CASE("an accuracy drop is paired with the float run of the same seed") {
  const auto row = row_of(report_of(sample_records()), "twn");
  // Right of 400: float 362, 364, 366; twn 353, 356, 359: 9, 8, 7 fewer.
  const auto& drop = row.metrics.at("accuracy_drop");
  CHECK(drop.count == 3);
  CHECK_THAT(drop.mean, WithinAbs(2, 1e-12));
  CHECK_THAT(drop.std, WithinAbs(0.25, 1e-12));
  const auto& accuracy = row.metrics.at("accuracy");
  CHECK_THAT(accuracy.mean, WithinAbs(89, 1e-12));
  CHECK_THAT(accuracy.std, WithinAbs(0.75, 1e-12));
  // t = 2 / (0.25 / sqrt 3) = 13.856; p for 2 degrees: 1 - t / sqrt(2 + t^2).
  REQUIRE(row.against_float);
  CHECK_THAT(row.against_float->tests[0].p, WithinRel(1 - std::sqrt(192.0 / 194), 1e-9));
  // 24 images lost, none won: p = 2^-24.
  CHECK_THAT(row.against_float->tests[1].p, WithinRel(std::pow(0.5, 24), 1e-9));
  CHECK(row.remarks.empty());
}

TEST_CASE("p values are corrected over all rows of the table") {
  const auto row = row_of(report_of(sample_records()), "dorefa");
  // Six tests; McNemar's of dorefa (3 images lost, none won: 2^-3) is behind two of
  // twn's.
  REQUIRE(row.against_float);
  CHECK(row.done == 2);
  CHECK_THAT(row.against_float->strongest()->p, WithinRel(0.125, 1e-12));
  CHECK_THAT(row.against_float->strongest()->adjusted, WithinRel(0.5, 1e-12));
  CHECK(row.remarks == Texts{"seed 3: failed: conv2/weight: step became NaN at epoch 3",
                             "no significant difference from float (p = 0.50)"});
}

TEST_CASE("a row without its float run has accuracy and no drop") {
  auto records = sample_records();
  records.erase("float-2");
  const auto report = report_of(records);
  const auto row = row_of(report, "twn");
  CHECK(row.metrics.at("accuracy").count == 3);
  CHECK(row.metrics.at("accuracy_drop").count == 2);
  CHECK(row.remarks.front() == "seed 2: no float baseline");
}

TEST_CASE("runs are counted") {
  const auto report = report_of(sample_records());
  CHECK(report.done == 11);
  CHECK(report.failed == 1);
  CHECK(report.missing == 3);
  CHECK_FALSE(report.complete());
  auto study = sample_study();
  study.rows.resize(2);
  CHECK(report_of(sample_records(), study).complete());
}

TEST_CASE("a network that gives one answer is no better than chance") {
  auto records = sample_records();
  for (auto& answer : records["twn-2"].predictions) answer = 3;
  const auto row = row_of(report_of(records), "twn");
  CHECK(row.remarks.front() == "seed 2: no better than chance");
}

TEST_CASE("weights that take more bits than the row says are remarked on") {
  auto records = sample_records();
  records["dorefa-1"].sizes[2].bits = 3;
  const auto row = row_of(report_of(records), "dorefa");
  CHECK(row.remarks.at(1) == "conv2/weight takes 3 bits");
}

TEST_CASE("numbers of an older version are neither averaged nor compared") {
  auto records = sample_records();
  for (auto& [digest, record] : records) record.results_version = 5;
  records["twn-1"].results_version = 4;
  const auto row = row_of(report_of(records), "twn");
  CHECK(row.done == 2);
  CHECK(row.remarks.front() ==
        "seed 1: failed: its numbers are of version 4, others of 5; run again");
}

TEST_CASE("each network has its own block with its float baseline first") {
  auto study = sample_study();
  const auto small = study.rows;
  for (auto row : small) {
    for (auto& run : row.runs) run.network.id = "resnet";
    study.rows.push_back(row);
  }
  Texts order;
  for (const auto& row : report_of({}, study).rows) {
    order.push_back(row.row.network + " " + row.row.label);
  }
  CHECK(order == Texts{"lenet float", "lenet twn", "lenet bwn", "lenet dorefa",
                       "lenet lognet", "resnet float", "resnet twn", "resnet bwn",
                       "resnet dorefa", "resnet lognet"});
}

TEST_CASE("the dataset is a column only when there are several") {
  auto study = sample_study();
  CHECK_THAT(render(report_of({}, study), "md"), !Contains("| dataset"));
  for (auto& run : study.rows[1].runs) run.dataset.id = "mnist";
  CHECK_THAT(render(report_of({}, study), "md"), Contains("| dataset"));
}

TEST_CASE("bits that only the records tell leave the ends out that others see to") {
  auto records = sample_records();
  for (auto& size : records["twn-1"].sizes) size.quantized = size.site != "conv1/bias";
  records["twn-1"].sizes.front().bits = 8;
  CHECK(row_of(report_of(records), "twn").weight_bits == "2");
  auto study = sample_study();
  for (auto& run : study.rows[1].runs) run.edges = {.first = "method", .last = "method"};
  CHECK(row_of(report_of(records, study), "twn").weight_bits == "2–32");
}

TEST_CASE("a row has the widths of its records' layers, not its parameter's alone") {
  auto records = sample_records();
  const auto widths = [&](const std::string& digest, int conv, int fc) {
    auto& record = records[digest] = sample_record("lognet", 1, 350);
    record.digest = digest;
    record.sizes = {{"conv1/weight", 500, 32, 0, false},
                    {"conv2/weight", 25000, conv, 64, true},
                    {"conv3/weight", 25000, conv, 64, true},
                    {"fc1/weight", 5000, fc, 64, true},
                    {"fc2/weight", 5000, fc, 64, true}};
  };
  auto study = sample_study();
  widths("lognet-1", 8, 5);
  CHECK(row_of(report_of(records, study), "lognet").weight_bits == "8 (fc*: 5)");
  for (auto& run : study.rows[3].runs) run.sites.clear();
  CHECK(row_of(report_of(records, study), "lognet").weight_bits == "5–8");
  widths("lognet-1", 4, 4);
  CHECK(row_of(report_of(records, study), "lognet").weight_bits == "4");
  widths("lognet-2", 6, 6);  // seeds may choose differently
  CHECK(row_of(report_of(records, study), "lognet").weight_bits == "4–6");
}

TEST_CASE("where rules overlap, a layer's widths are those of the first that matches") {
  auto study = sample_study();
  for (auto& run : study.rows[3].runs) {
    run.sites = {{"*/weight", sample_method("lognet", "4", "3")},
                 {"fc2/*", sample_method("lognet", "2", "3")},
                 {"*/input", sample_method("lognet", "4", "6")}};
  }
  auto records = sample_records();
  auto& record = records["lognet-1"] = sample_record("lognet", 1, 350);
  record.digest = "lognet-1";
  record.sizes = {{"conv1/weight", 500, 4, 0, true},
                  {"conv2/weight", 25000, 4, 64, true},
                  {"fc2/weight", 5000, 4, 64, true}};
  record.products = {{"conv1", "integer", 1, 4, 6},
                     {"conv2", "integer", 1, 4, 6},
                     {"fc2", "integer", 1, 4, 3}};
  const auto row = row_of(report_of(records, study), "lognet");
  CHECK(row.weight_bits == "*: 4");
  CHECK(row.activation_bits == "fc2: 3, *: 6");
  CHECK(row.first == "4");
  CHECK(row.last == "4");
}

TEST_CASE("the bias column says what became of biases") {
  auto study = sample_study();
  for (auto& run : study.rows[1].runs) run.edges.bias = "method";
  CHECK(row_of(report_of({}, study), "twn").bias == "method");
  auto records = sample_records();
  CHECK(row_of(report_of(records, study), "twn").bias == "float");
  CHECK(row_of(report_of(records, study), "float").bias.empty());
  auto& sizes = records["twn-1"].sizes;
  sizes.push_back({"fc2/bias", 10, 8, 0, true});
  CHECK(row_of(report_of(records, study), "twn").bias == "8, float");
  for (const std::int64_t seed : {1, 2, 3}) {
    std::erase_if(records[sample_digest("twn", seed)].sizes,
                  [](const auto& size) { return size.site.ends_with("/bias"); });
  }
  CHECK(row_of(report_of(records, study), "twn").bias == "none");
}

TEST_CASE("gradient bits are a column where gradients are quantized") {
  auto study = sample_study();
  CHECK_THAT(render(report_of({}, study), "md"), !Contains("gradient bits"));
  CHECK_THAT(render(report_of({}, study), "csv"), Contains(",gradient_bits,"));
  for (auto& run : study.rows[2].runs) {
    run.method.params["gradient_bits"] = RawValue::scalar("6");
  }
  const auto report = report_of({}, study);
  CHECK_THAT(render(report, "md"), Contains("| gradient bits |"));
  CHECK(row_of(report, "dorefa").gradient_bits == "6");
  CHECK(row_of(report, "twn").gradient_bits == "32");
}

TEST_CASE("records from several revisions, machines and datasets are all named") {
  auto records = sample_records();
  records["twn-1"].provenance.revision = "another";
  records["twn-2"].provenance.cpu = "A slow processor";
  records["twn-3"].data_checksum = "fedcba9876543210";
  const auto text = render(report_of(records), "md");
  CHECK_THAT(text, Contains("revision 0123456789ab") && Contains("revision another"));
  CHECK_THAT(text, Contains("A fast processor") && Contains("A slow processor"));
  CHECK_THAT(text, Contains("SHA-256 0123456789ab") && Contains("SHA-256 fedcba987654"));
}

TEST_CASE("numbers of an older version are left out wherever the newer ones stand") {
  auto records = sample_records();
  for (auto& [digest, record] : records) record.results_version = 4;
  for (const char* digest : {"bwn-1", "bwn-2", "bwn-3"}) {
    records[digest].results_version = 5;  // of the last row
  }
  const auto report = report_of(records);
  CHECK(row_of(report, "twn").done == 0);
  CHECK_THAT(row_of(report, "twn").remarks.at(0), Contains("version 4, others of 5"));
  const auto row = row_of(report, "bwn");
  CHECK(row.done == 3);
  CHECK(row.metrics.at("accuracy_drop").count == 0);  // its float runs are old
}

TEST_CASE("a report looks at each record once, and at a network of each row") {
  const auto lookup = lookup_in(sample_records());
  std::map<std::string, int> looked;
  std::vector<std::string> pages;
  build_report(make_manifest(sample_study(), sample_name),
               [&](const ManifestRun& run, SummaryDepth depth) {
                 if (depth == SummaryDepth::kPage) {
                   pages.push_back(run.name.digest);
                 } else {
                   ++looked[run.name.digest];
                 }
                 return lookup(run, depth);
               });
  for (const auto& [digest, count] : looked) {
    INFO(digest);
    CHECK(count == 1);
  }
  CHECK(looked.size() == 15);
  CHECK(pages == std::vector<std::string>{"float-1", "twn-1", "dorefa-1", "bwn-1"});
}

TEST_CASE("a record that cannot be read costs its run alone") {
  const ScratchFolder folder;
  for (const auto& [digest, record] : sample_records()) {
    write_record(record, folder / (digest + ".h5"));
  }
  std::ofstream(folder / "twn-1.h5") << "not a record";
  std::filesystem::copy_file(folder / "twn-3.h5", folder / "twn-2.h5",
                             std::filesystem::copy_options::overwrite_existing);
  const auto report =
      build_report(make_manifest(sample_study(), sample_name), records_in(folder.path()));
  const auto row = row_of(report, "twn");
  CHECK(row.done == 1);
  CHECK_THAT(row.remarks.at(0), Contains("seed 1: failed: ") &&
                                    Contains("twn-1.h5: not a run record of bitsweep"));
  CHECK_THAT(row.remarks.at(1),
             Contains("seed 2: failed: ") &&
                 Contains("twn-2.h5: holds the run twn-3, expected twn-2"));
  CHECK(row_of(report, "bwn").done == 3);
}
