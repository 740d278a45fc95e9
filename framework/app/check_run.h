// The mistakes of a run that show before it is trained.
#pragma once

#include <string>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// A mistake and the key that it is about, as a study writes it: "sites", "network". No
/// key where the sentence begins with its place itself.
struct RunProblem {
  std::string key;
  std::string text;
  /// A parameter without effect in this run, "method.delay" or "sites.0.method.delay": a
  /// mistake only where a study writes it for no run that has a use for it.
  bool is_idle = false;
  friend bool operator==(const RunProblem&, const RunProblem&) = default;
};

/// "training.batch_size: 5 is ..." as a problem of that key, other sentences as one of
/// `otherwise`; a problem a line.
std::vector<RunProblem> keyed_problems(const std::string& sentences,
                                       const std::string& otherwise);

/// Every mistake that shows without the images: layers that do not fit, patterns that
/// match nothing, widths that a method refuses, a batch larger than the memory.
/// `training_images`: how many there are, 0 where that is not known.
std::vector<RunProblem> check_run(const RunSpec& spec, const MethodRegistry& methods,
                                  std::size_t training_images);

/// Bytes that training takes by the estimate, in the larger of a run's two trainings. For
/// a run that `check_run` finds nothing wrong with.
double training_memory(const RunSpec& spec, const MethodRegistry& methods);

/// Sentences on batches, and calibration sets, that are larger than the `images` there
/// are to train on.
std::vector<RunProblem> batch_problems(const RunSpec& run, std::size_t images);

}  // namespace bitsweep
