// The pipeline of one run, in the order of the data.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/calibration_table.h"
#include "framework/config/run_spec.h"
#include "framework/quant/registry.h"
#include "framework/results/record.h"

namespace bitsweep {

/// Told of a run's progress, from the thread that runs it. The default hears nothing.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// `done` of `total` training steps of the whole run; the last known figures beside it.
  struct Progress {
    std::string stage;  // "float training", "calibrate", "train"
    std::int64_t done = 0;
    std::int64_t total = 0;
    double epoch = 0;     // of the stage
    double loss = 0;      // running mean of the epoch
    double accuracy = 0;  // of the epoch so far, a share
  };
  virtual void progress(const Progress&) {}
  virtual void warning(const std::string&) {}
};

/// What a run needs beside its specification.
struct RunEnvironment {
  const MethodRegistry* methods = nullptr;
  std::vector<std::filesystem::path> data_folders;
  /// The finished record of `spec.baseline()`, for runs that start from it.
  std::optional<RunRecord> baseline;
};

/// Loads the data, builds the network, quantizes it by the method, trains, evaluates.
/// Throws ConfigError or DataError for the user's mistakes and RunError for a run that
/// failed on its way.
RunRecord run_experiment(const RunSpec& spec, const RunEnvironment& environment,
                         RunObserver& observer);

/// The share of the validation images that the run's network gets right, calibrated from
/// its float baseline and not trained. The test images are not looked at.
double validation_accuracy(const RunSpec& spec, const RunEnvironment& environment);

/// What the run's calibration chooses for its activations, from its float baseline: no
/// training, no evaluation, and none of the test images.
std::vector<CalibratedSite> calibrated_sites(const RunSpec& spec,
                                             const RunEnvironment& environment);

}  // namespace bitsweep
