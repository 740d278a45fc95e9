// The learning rate as a function of where training stands.
#pragma once

#include "framework/config/run_spec.h"

namespace bitsweep {

/// Where training stands: counted from 0 at its first step.
struct Position {
  double iteration = 0;
  double iterations = 1;  // in all
  double iterations_per_epoch = 1;
};

/// The rate of the schedule (`schedule_kinds`), with t in its unit; and over the first
/// `warmup` units times (t + 1 iteration) / warmup.
double learning_rate(const ScheduleSpec& schedule, double base, const Position& position);

}  // namespace bitsweep
