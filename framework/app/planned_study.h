// A study beside its folder of results: what is looked at there, and written, before the
// first of its runs.
#pragma once

#include <filesystem>

#include "framework/app/program.h"
#include "framework/app/schedule/plan.h"
#include "framework/app/schedule/run_files.h"
#include "framework/config/run_spec.h"
#include "framework/report/manifest.h"

namespace bitsweep {

/// Where the records of the study go: `--out`, or results/<study>.
std::filesystem::path results_folder(const Arguments& arguments, const StudySpec& study);

/// Which runs `--force`, `--shard` and `--only` choose. Throws ConfigError.
PlanOptions plan_options(const Arguments& arguments, const StudySpec& study);

Plan plan_of(const StudySpec& study, const RunFiles& files, const PlanOptions& options);

/// A record that cannot be trusted is the user's to look at: it is told of on standard
/// error, and neither written over nor in the way of others. Whether there is any.
bool tell_damaged(const Plan& plan);

/// Throws ConfigError where the folder, or that of the variant, holds another study: its
/// table would be lost; DataError where what it holds is damaged.
void check_folder(const std::filesystem::path& folder, const StudySpec& study,
                  const Arguments& arguments);

/// The folder of the table, made where it is missing: a variant's (`--set`) has one of
/// its own, so that that of the study stays. Throws ConfigError.
std::filesystem::path table_folder(const std::filesystem::path& folder,
                                   const Arguments& arguments);

/// What the folder of the table says of the study, for reports and `status`.
StudyManifest manifest_of(const StudySpec& study, const Plan& plan, const RunFiles& files,
                          const std::filesystem::path& table, const Arguments& arguments);

}  // namespace bitsweep
