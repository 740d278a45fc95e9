// How long a batch will still take, from the speeds seen so far.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "framework/config/run_spec.h"

namespace bitsweep {

/// One run of the batch: how much there is to do, how far it is, how long it took to get
/// there.
struct WorkItem {
  std::string network;
  double work = 0;   // in images trained on, see `work_of`
  double share = 0;  // done of it: 0 not started, 1 finished
  double seconds = 0;
};

/// The images that a run trains on itself, each as often as it does; its baseline's are
/// another run's. A test image that is scored counts a third, as the forward pass does.
/// `training_images`: how many there are; otherwise as far as the study tells.
double work_of(const RunSpec& spec, std::optional<double> training_images = {});

/// Images in a step of the training that the run does itself.
int batch_size_of(const RunSpec& spec);

/// With `workers` at once. A network not yet seen is taken to be as fast as the mean of
/// the others; nothing is said before there is a speed to go by.
std::optional<double> seconds_left(std::span<const WorkItem> items, int workers);

/// "8 s", "3 min 20 s", "2 h 05 min", "4 d 03 h".
std::string duration_text(double seconds);

}  // namespace bitsweep
