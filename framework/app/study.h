// A study as commands want it: read, expanded and checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/app/program.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// The study of the command line's first positional, with `--plugin` and `--set`. Throws
/// ConfigError with a line for each mistake that shows without data.
StudySpec checked_study(const Arguments& arguments, Session& session);

/// The folder that a study changed by `--set` has for its table, below the folder of the
/// study, whose records it shares: "variants/training.epochs=2"; "" where nothing is
/// changed but the name. What no file name can hold becomes a dash, and then digits tell
/// names apart that look the same.
std::filesystem::path variant_folder(const std::vector<std::string>& settings);

}  // namespace bitsweep
