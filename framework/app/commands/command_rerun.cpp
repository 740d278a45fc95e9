// bitsweep rerun: a run again, compared with its record bit by bit. Nothing is written.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/schedule/run_files.h"
#include "framework/app/schedule/time_left.h"
#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "framework/report/manifest.h"
#include "framework/results/record_bits.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

class StageTeller final : public RunObserver {
 public:
  void progress(const Progress& progress) override {
    if (progress.stage != stage_) print_note(progress.stage);
    stage_ = progress.stage;
  }
  void warning(const std::string& text) override { print_note("warning: " + text); }

 private:
  std::string stage_;
};

// What trains that float run again, where the study keeps less than weights too: its file
// is told by the table in the folder above the records, if that can be read.
std::string command_for_weights(const RunSpec& spec, const fs::path& record) {
  const fs::path folder = fs::absolute(record).parent_path().parent_path();
  std::string study = "STUDY.yaml", options;
  try {
    const StudyManifest manifest = read_manifest(folder);
    study = manifest.file;
    options = manifest.options;
  } catch (const Error&) {
  }
  return fmt::format("bitsweep run {} --out {}{} --set keep=state --force --only {}",
                     shell_word(study), shell_word(folder.string()), options,
                     shell_word(fmt::format("method == float && network == {} && seed == "
                                            "{}",
                                            spec.network.id, spec.seed)));
}

RunRecord baseline_of(const RunSpec& spec, const fs::path& record) {
  const std::string wanted = digest(spec.baseline(), kResultsVersion);
  for (const auto& entry : fs::directory_iterator(fs::absolute(record).parent_path())) {
    if (!is_record_name(entry.path()) || digest_in_name(entry.path()) != wanted) continue;
    RunRecord baseline = read_record(entry.path());
    if (!baseline.state.empty()) return baseline;
    throw DataError(fmt::format(
        "{}: the float run that {} begins with has no weights in "
        "its record; train it again: {}",
        entry.path().string(), record.string(), command_for_weights(spec, record)));
  }
  throw DataError(fmt::format(
      "{}: the float run {} that it begins with has no record beside it; run the study "
      "again",
      record.string(), wanted));
}

void refuse_other_numbers(const RunRecord& record, const RunSpec& spec,
                          const Session& session, const std::string& path) {
  if (record.results_version != kResultsVersion) {
    throw DataError(fmt::format(
        "{}: its numbers are of version {}, this program's of {}; rerun it with the "
        "program that made it",
        path, record.results_version, kResultsVersion));
  }
  if (record.status != "done") {
    throw DataError(fmt::format("{}: the run failed ({}); there is nothing to compare",
                                path, record.failure));
  }
  std::vector<MethodSpec> methods = {spec.method};
  for (const auto& rule : spec.sites) methods.push_back(rule.method);
  for (const auto& method : methods) {
    const MethodEntry& entry = session.methods.at(method.id);
    if (entry.plugin == method.plugin && entry.version == method.version) continue;
    throw DataError(
        fmt::format("{}: method '{}' is another than the run's; rerun it "
                    "with the program and plugin that made it",
                    path, method.id));
  }
}

int rerun(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  const std::string path = arguments.positional(0);
  const RunRecord record = read_record(path);
  const RunSpec spec = parse_run(record.canonical_text);
  refuse_other_numbers(record, spec, session, path);
  RunEnvironment environment{.methods = &session.methods,
                             .data_folders = data_folders(arguments.text("data-dir")),
                             .baseline = {}};
  if (spec.starts_from_baseline()) environment.baseline = baseline_of(spec, path);
  set_threads(arguments.whole_number("threads", record.provenance.threads, 1));
  print_note(
      fmt::format("the record's run took {}", duration_text(record.provenance.seconds)));
  StageTeller teller;
  const RunRecord again = session.pipeline.run(spec, environment, teller);
  const auto parts = differing_parts(record, again);
  if (parts.empty()) {
    print_out(fmt::format("the same, bit by bit: metrics, curves, {} predictions{}{}\n",
                          record.predictions.size(),
                          record.state.empty() ? "" : ", weights",
                          record.model.empty() ? "" : ", packed model"));
    return 0;
  }
  for (const auto& part : parts) print_out("differs: " + part + "\n");
  const auto machine = [](const Provenance& p) {
    return fmt::format("{}, {}, {}, {} threads, {} for {}", p.revision, p.cpu, p.engine,
                       p.threads, p.compiler, p.arch);
  };
  print_out(fmt::format("the record: {}\nnow: {}\n", machine(record.provenance),
                        machine(again.provenance)));
  return 1;
}

}  // namespace

Command rerun_command() {
  return {{.command = "rerun",
           .summary = "Repeat a finished run, and compare it with its record bit by bit.",
           .positionals = {{"FILE",
                            "The record of a run (.h5), beside that of the float "
                            "run it begins with. Nothing is written."}},
           .options = {{.name = "threads",
                        .value = "N",
                        .help = "Threads (as many as the record's run had)."},
                       data_folder_option(),
                       plugin_option()}},
          rerun};
}

}  // namespace bitsweep
