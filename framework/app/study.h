// A study as commands want it: read, expanded and checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/app/program.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// What becomes of a row whose plugin ends or hangs the process that asks it.
enum class LostRows { kRefuse, kTell };

/// The study of the command line's first positional, with `--plugin` and `--set`. Throws
/// ConfigError with a line for each mistake that shows without data. Plugins are asked in
/// processes of their own; a row that is lost that way is a mistake too, or, with kTell,
/// told on standard error: its runs fail in their workers, the others' do not.
StudySpec checked_study(const Arguments& arguments, Session& session,
                        LostRows lost = LostRows::kRefuse);

/// The folder that a study changed by `--set` has for its table, below the folder of the
/// study, whose records it shares: "variants/training.epochs=2"; "" where nothing is
/// changed but the name. What no file name can hold becomes a dash, and then digits tell
/// names apart that look the same.
std::filesystem::path variant_folder(const std::vector<std::string>& settings);

}  // namespace bitsweep
