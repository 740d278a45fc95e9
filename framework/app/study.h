// A study as commands want it: read, expanded and checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/app/program.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// What is told on standard error alone, and else is a mistake like any other.
struct Tolerance {
  /// A row whose plugin ends or hangs the process that asks it: its runs fail in their
  /// workers, the others' do not.
  bool lost_rows = false;
  /// Datasets that are not there: their runs' digests lack the data's checksum, so that
  /// none counts as done.
  bool missing_data = false;
  /// Calibration tables are left out, as if no row named one: it is they that are made.
  bool no_tables = false;
};

/// The study of the command line's first positional, with `--plugin`, `--set` and
/// `--data-dir`. Throws ConfigError with a line for each mistake that shows before
/// anything is trained: of its words, of its runs, of its data. Plugins are asked in
/// processes of their own.
StudySpec checked_study(const Arguments& arguments, Session& session,
                        const Tolerance& tolerance = {});

/// The folder that a study changed by `--set` has for its table, below the folder of the
/// study, whose records it shares: "variants/training.epochs=2"; "" where nothing is
/// changed but the name. A list of plain words stands without its brackets
/// ("seeds=1,2"); what else no file name can hold becomes a dash, and then digits tell
/// names apart that look the same.
std::filesystem::path variant_folder(const std::vector<std::string>& settings);

}  // namespace bitsweep
