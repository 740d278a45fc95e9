// What was said during a run, in a file of its own.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "framework/app/run_experiment.h"

namespace bitsweep {

/// Lines with the time before them, behind those of earlier tries. Where the file cannot
/// be written, the run goes on without.
class RunLog {
 public:
  RunLog(const std::filesystem::path& file, const std::string& title);

  void line(const std::string& text);
  /// A line for each new stage, and each whole epoch.
  void progress(const RunObserver::Progress& progress);

 private:
  std::ofstream file_;
  std::string stage_;
  long epoch_ = 0;
  RunObserver::Progress last_;
};

}  // namespace bitsweep
