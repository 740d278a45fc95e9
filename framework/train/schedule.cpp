#include "framework/train/schedule.h"

#include <algorithm>

#include "framework/config/schedules.h"

namespace bitsweep {

double learning_rate(const ScheduleSpec& schedule, double base,
                     const Position& position) {
  const double unit = schedule.unit == "epoch" ? position.iterations_per_epoch : 1;
  const double t = position.iteration / unit, end = position.iterations / unit;
  const double rate = schedule_kind(schedule.id).rate(schedule, base, t, end);
  if (t >= schedule.warmup) return rate;
  return rate * std::min(1.0, (t + 1 / unit) / schedule.warmup);
}

}  // namespace bitsweep
