#include "framework/config/schedules.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

double fixed_rate(const ScheduleSpec&, double lr, double, double) { return lr; }

double step_rate(const ScheduleSpec& s, double lr, double t, double) {
  return lr * std::pow(s.gamma, std::floor(t / s.step));
}

std::vector<std::string> step_problems(const ScheduleSpec& s) {
  if (s.step > 0) return {};
  return {"the schedule 'step' needs a step above 0"};
}

double multistep_rate(const ScheduleSpec& s, double lr, double t, double) {
  const auto passed = std::count_if(s.milestones.begin(), s.milestones.end(),
                                    [t](double milestone) { return milestone <= t; });
  return lr * std::pow(s.gamma, double(passed));
}

std::vector<std::string> multistep_problems(const ScheduleSpec& s) {
  if (s.milestones.empty()) return {"the schedule 'multistep' needs milestones"};
  const bool ascends = std::adjacent_find(s.milestones.begin(), s.milestones.end(),
                                          std::greater_equal<>{}) == s.milestones.end();
  if (ascends) return {};
  return {"the milestones do not ascend"};
}

double inv_rate(const ScheduleSpec& s, double lr, double t, double) {
  return lr * std::pow(1 + s.gamma * t, -s.power);
}

double exponential_rate(const ScheduleSpec& s, double lr, double t, double end) {
  return lr * std::pow(s.final_learning_rate / lr, std::floor(t) / end);
}

std::vector<std::string> exponential_problems(const ScheduleSpec& s) {
  if (s.final_learning_rate > 0) return {};
  return {"the schedule 'exponential' needs a final_learning_rate above 0"};
}

double cosine_rate(const ScheduleSpec& s, double lr, double t, double end) {
  const double cosine = (1 + std::cos(std::numbers::pi * std::min(1.0, t / end))) / 2;
  return s.final_learning_rate + (lr - s.final_learning_rate) * cosine;
}

}  // namespace

bool ScheduleKind::reads(const std::string& field) const {
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

// `step` and `exponential` count whole epochs where that is the unit: the latter is
// BinaryConnect's, `inv` is Caffe's.
const std::vector<ScheduleKind>& schedule_kinds() {
  static const std::vector<ScheduleKind> kinds = {
      {.id = "fixed", .formula = "lr", .fields = {}, .rate = fixed_rate},
      {.id = "step",
       .formula = "lr gamma^floor(t / step)",
       .fields = {"unit", "gamma", "step"},
       .rate = step_rate,
       .problems = step_problems},
      {.id = "multistep",
       .formula = "lr gamma^(milestones passed)",
       .fields = {"unit", "gamma", "milestones"},
       .rate = multistep_rate,
       .problems = multistep_problems},
      {.id = "inv",
       .formula = "lr (1 + gamma t)^-power",
       .fields = {"unit", "gamma", "power"},
       .rate = inv_rate},
      {.id = "exponential",
       .formula = "lr (final_learning_rate / lr)^(floor(t) / end)",
       .fields = {"unit", "final_learning_rate"},
       .rate = exponential_rate,
       .problems = exponential_problems},
      {.id = "cosine",
       .formula = "from lr to final_learning_rate by (1 + cos(pi t / end)) / 2",
       .fields = {"final_learning_rate"},
       .rate = cosine_rate}};
  return kinds;
}

const ScheduleKind& schedule_kind(const std::string& id) {
  const auto& kinds = schedule_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(),
                   [&](const ScheduleKind& kind) { return kind.id == id; });
  ensure(found != kinds.end(), "schedule names are checked by the schema");
  return *found;
}

std::string schedules_with(const std::string& field) {
  std::vector<std::string> ids;
  for (const auto& kind : schedule_kinds()) {
    if (kind.reads(field)) ids.push_back(kind.id);
  }
  return fmt::format("{}", fmt::join(ids, ", "));
}

}  // namespace bitsweep
