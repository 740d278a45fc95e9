#include "framework/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

double scheduled(const ScheduleSpec& s, double base, double t, double end) {
  if (s.id == "fixed") return base;
  if (s.id == "step") return base * std::pow(s.gamma, std::floor(t / s.step));
  if (s.id == "multistep") {
    const auto passed = std::count_if(s.milestones.begin(), s.milestones.end(),
                                      [t](double milestone) { return milestone <= t; });
    return base * std::pow(s.gamma, double(passed));
  }
  if (s.id == "inv") return base * std::pow(1 + s.gamma * t, -s.power);
  if (s.id == "exponential") {
    return base * std::pow(s.final_learning_rate / base, std::floor(t) / end);
  }
  ensure(s.id == "cosine", "schedule names are checked by the schema");
  const double cosine = (1 + std::cos(std::numbers::pi * std::min(1.0, t / end))) / 2;
  return s.final_learning_rate + (base - s.final_learning_rate) * cosine;
}

}  // namespace

double learning_rate(const ScheduleSpec& schedule, double base,
                     const Position& position) {
  const double unit = schedule.unit == "epoch" ? position.iterations_per_epoch : 1;
  const double t = position.iteration / unit, end = position.iterations / unit;
  const double rate = scheduled(schedule, base, t, end);
  if (t >= schedule.warmup) return rate;
  return rate * std::min(1.0, (t + 1 / unit) / schedule.warmup);
}

}  // namespace bitsweep
