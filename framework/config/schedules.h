// The learning-rate schedules there are: a row each, which validation, help, a run's
// canonical text and training read.
#pragma once

#include <string>
#include <vector>

#include "framework/config/run_spec.h"

namespace bitsweep {

struct ScheduleKind {
  std::string id;
  /// Of lr, the initial rate, and of t and end, where training stands and ends, in the
  /// schedule's unit.
  std::string formula;
  std::vector<std::string> fields;  // of ScheduleSpec, that it reads
  double (*rate)(const ScheduleSpec& schedule, double lr, double t, double end);
  /// What is wrong with its fields beyond their ranges, a sentence each; may be null.
  std::vector<std::string> (*problems)(const ScheduleSpec& schedule) = nullptr;

  bool reads(const std::string& field) const;
};

/// In the order of help.
const std::vector<ScheduleKind>& schedule_kinds();
/// `id` has been validated.
const ScheduleKind& schedule_kind(const std::string& id);

/// "step, multistep": the schedules that read a field.
std::string schedules_with(const std::string& field);

}  // namespace bitsweep
