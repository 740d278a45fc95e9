// A study as commands want it: read, expanded and checked.
#pragma once

#include "framework/app/program.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// The study of the command line's first positional, with `--plugin` and `--set`. Throws
/// ConfigError with a line for each mistake that shows without data.
StudySpec checked_study(const Arguments& arguments, Session& session);

}  // namespace bitsweep
