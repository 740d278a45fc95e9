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

/// fixed        lr
/// step         lr gamma^floor(t / step)
/// multistep    lr gamma^(milestones passed)
/// inv          lr (1 + gamma t)^-power                  (Caffe)
/// exponential  lr (final / lr)^(t / end)                (BinaryConnect: t whole epochs)
/// cosine       final + (lr - final) (1 + cos(pi t / end)) / 2
///
/// with t in the schedule's unit (a whole number of epochs for step and exponential), and
/// over the first `warmup` units the result times (t + 1 iteration) / warmup.
double learning_rate(const ScheduleSpec& schedule, double base, const Position& position);

}  // namespace bitsweep
