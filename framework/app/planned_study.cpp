#include "framework/app/planned_study.h"

#include <map>
#include <system_error>

#include <fmt/format.h>

#include "framework/app/study.h"
#include "framework/config/row_filter.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// What decides the runs beside the study's file, as a shell takes it.
std::string deciding_options(const Arguments& arguments) {
  std::string text;
  for (const std::string option : {"set", "plugin"}) {
    for (const auto& value : arguments.all(option)) {
      text += fmt::format(" --{} {}", option, shell_word(value));
    }
  }
  return text;
}

}  // namespace

fs::path results_folder(const Arguments& arguments, const StudySpec& study) {
  const std::string out = arguments.text("out", "results/" + study.name);
  if (!out.empty()) return out;
  throw ConfigError("--out: is empty; name a folder, or leave the option out");
}

PlanOptions plan_options(const Arguments& arguments, const StudySpec& study) {
  PlanOptions options{.force = arguments.has("force")};
  if (arguments.has("shard")) options.shard = Shard::parse(arguments.text("shard"));
  if (arguments.has("only")) {
    const RowFilter filter(arguments.text("only"));
    filter.check(study);
    options.chosen = [filter](const RowSpec& row, const RunSpec& run) {
      return filter.matches(row, run);
    };
  }
  return options;
}

Plan plan_of(const StudySpec& study, const RunFiles& files, const PlanOptions& options) {
  return make_plan(
      study, [&](const std::string& digest) { return files.find(digest); }, options);
}

bool tell_damaged(const Plan& plan) {
  bool any = false;
  for (const auto& run : plan.runs) {
    if (!is_lost(run.state)) continue;
    any = true;
    if (run.state == RunState::kUnreadable) {
      print_note(
          fmt::format("bitsweep: unreadable: {}: {}; make it readable and run the "
                      "same command",
                      run.label, run.why));
      continue;
    }
    const auto seed = run.label.rfind(", seed ");
    print_note(fmt::format(
        "bitsweep: damaged: {}: {}; delete it and run the same command, or: --force "
        "--only {}",
        run.label, run.why,
        shell_word(fmt::format("label == '{}' && seed == {}", run.label.substr(0, seed),
                               run.spec.seed))));
  }
  return any;
}

void check_folder(const fs::path& folder, const StudySpec& study,
                  const Arguments& arguments) {
  for (const fs::path& place : {folder, folder / variant_folder(arguments.all("set"))}) {
    if (!fs::exists(manifest_path(place))) continue;
    const std::string held = read_manifest(place).name;
    if (held == study.name) continue;
    throw ConfigError(fmt::format(
        "--out: {} holds the study '{}', this one is '{}'; give another folder",
        place.string(), held, study.name));
  }
}

fs::path table_folder(const fs::path& folder, const Arguments& arguments) {
  const fs::path variant = variant_folder(arguments.all("set"));
  if (variant.empty()) return folder;
  std::error_code failure;
  fs::create_directories(folder / variant, failure);
  if (failure) {
    throw ConfigError(
        fmt::format("{}: results cannot be written there: {}; choose another folder with "
                    "--out",
                    (folder / variant).string(), failure.message()));
  }
  print_note(
      fmt::format("a variant of the study; its table: {}", (folder / variant).string()));
  return folder / variant;
}

StudyManifest manifest_of(const StudySpec& study, const Plan& plan, const RunFiles& files,
                          const fs::path& table, const Arguments& arguments) {
  std::map<std::string, const PlannedRun*> by_digest;
  for (const auto& run : plan.runs) by_digest[run.digest] = &run;
  auto names = plan.digests.begin();
  StudyManifest manifest = make_manifest(study, [&](const RunSpec&) -> RunName {
    const PlannedRun& run = *by_digest.at(names->own);
    return {run.digest, (names++)->control,
            files.path_of(run).lexically_relative(table).string()};
  });
  manifest.options = deciding_options(arguments);
  return manifest;
}

}  // namespace bitsweep
