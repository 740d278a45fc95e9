// A small made-up study and the records of its runs.
#pragma once

#include <map>
#include <string>

#include "framework/report/report.h"

namespace bitsweep::testing {

inline std::string sample_digest(const std::string& method, std::int64_t seed) {
  return method + "-" + std::to_string(seed);
}

inline RunName sample_name(const RunSpec& run) {
  const auto digest = sample_digest(run.method.id, run.seed);
  return {digest, sample_digest("float", run.seed), digest + ".h5"};
}

inline RowSpec sample_row(const std::string& group, const MethodSpec& method) {
  RunSpec run;
  run.dataset.id = "fashion-mnist";
  run.network.id = "lenet";
  run.training.recipe = "lenet";
  run.training.epochs = 20;
  run.training.optimizer.weight_decay = 0.0005;
  run.training.schedule.id = "inv";
  run.method = method;
  if (!run.is_baseline()) {
    run.fine_tuning = run.training;
    run.fine_tuning->recipe = "";
    run.fine_tuning->epochs = 5;
  }
  RowSpec row{group, method.id, {}, {}};
  for (run.seed = 1; run.seed <= 3; ++run.seed) row.runs.push_back(run);
  return row;
}

inline MethodSpec sample_method(const std::string& id,
                                const std::string& weight_bits = "",
                                const std::string& activation_bits = "") {
  MethodSpec method{id, {}};
  if (!weight_bits.empty()) method.params["weight_bits"] = RawValue::scalar(weight_bits);
  if (!activation_bits.empty()) {
    method.params["activation_bits"] = RawValue::scalar(activation_bits);
  }
  return method;
}

/// float; twn (bits in the records alone); dorefa (edges of 8 bits); lognet (other bits
/// in some layers); bwn, of twn's group but listed last.
inline StudySpec sample_study() {
  StudySpec study{"sample", "A sample of methods", "experiments/sample/study.yaml", {}};
  study.rows.push_back(sample_row("", {}));
  study.rows.push_back(sample_row("reduce weights", sample_method("twn")));
  study.rows.push_back(sample_row("reduce both", sample_method("dorefa", "1", "2")));
  study.rows.push_back(sample_row("non-linear", sample_method("lognet", "5", "4")));
  study.rows.push_back(sample_row("reduce weights", sample_method("bwn", "1")));

  study.rows[1].published = {.loss = 3.7,
                             .accuracy = {},
                             .baseline = {},
                             .on = "AlexNet, ImageNet, top-5",
                             .source = "the survey"};
  study.rows[2].published = {.loss = {},
                             .accuracy = 49.8,
                             .baseline = 55.9,
                             .on = "AlexNet, ImageNet, top-1",
                             .source = "the authors' repository",
                             .mark = "verified"};
  study.rows[4].published = study.rows[1].published;
  study.rows[4].published.loss = 0.8;
  for (auto& run : study.rows[2].runs) {
    run.edges = {.first = "8", .last = "8", .bias = "float", .image = "8"};
  }
  for (auto& run : study.rows[3].runs) {
    run.sites = {{"fc*/weight", sample_method("lognet", "4", "4")},
                 {"conv1/input", sample_method("float")}};
    run.fine_tuning.reset();
  }
  return study;
}

/// The first `right` of 400 images are recognised.
inline RunRecord sample_record(const std::string& method, std::int64_t seed, int right) {
  RunRecord record;
  record.digest = sample_digest(method, seed);
  record.method = method;
  record.seed = seed;
  record.data_title = "Fashion-MNIST";
  record.data_checksum = "0123456789abcdef0123456789abcdef";
  record.provenance = {.program = "bitsweep 0.1.0",
                       .revision = "0123456789ab",
                       .compiler = "GCC 12.2.0",
                       .arch = "x86-64-v3",
                       .engine = "reference",
                       .cpu = "A fast processor",
                       .host_os = "Some Linux",
                       .threads = 2,
                       .started = "2024-05-06T07:08:09Z",
                       .seconds = 10.0 + double(seed),
                       .peak_memory_mb = 100};
  constexpr int kImages = 400;
  for (int i = 0; i < kImages; ++i) {
    record.labels.push_back(i % 10);
    record.predictions.push_back(i < right ? i % 10 : (i + 1) % 10);
  }
  record.metrics = {{"test_accuracy", double(right) / kImages}, {"test_loss", 0.25}};
  record.sizes = {{"conv1/weight", 500, 32, 0, false},
                  {"conv1/bias", 20, 32, 0, false},
                  {"conv2/weight", 25000, 32, 0, false},
                  {"fc2/weight", 5000, 32, 0, false}};
  if (method != "float") {
    record.sizes[2] = {"conv2/weight", 25000, method == "twn" ? 2 : 1, 64, true};
  }
  return record;
}

/// dorefa's third seed failed, lognet did not run.
inline std::map<std::string, RunRecord> sample_records() {
  std::map<std::string, RunRecord> records;
  const auto add = [&](const RunRecord& record) { records[record.digest] = record; };
  for (const std::int64_t seed : {1, 2, 3}) {
    add(sample_record("float", seed, 360 + 2 * int(seed)));
    add(sample_record("twn", seed, 350 + 3 * int(seed)));
    add(sample_record("bwn", seed, 358 + 3 * int(seed)));
    add(sample_record("dorefa", seed, 360 + int(seed)));
  }
  auto& failed = records.at("dorefa-3");
  failed = {};
  failed.digest = "dorefa-3";
  failed.status = "failed";
  failed.failure = "conv2/weight: step became NaN at epoch 3";
  records.at("twn-2").warnings = {"the loss rose in the last epoch"};
  return records;
}

inline RecordLookup lookup_in(std::map<std::string, RunRecord> records) {
  return [records = std::move(records)](const ManifestRun& run, SummaryDepth) {
    const auto found = records.find(run.name.digest);
    return found == records.end() ? std::optional<RunRecord>{} : found->second;
  };
}

}  // namespace bitsweep::testing
