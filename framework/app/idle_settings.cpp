#include "framework/app/idle_settings.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "framework/config/optimizers.h"
#include "framework/config/pruning_spec.h"
#include "framework/config/schedules.h"
#include "framework/config/written_row.h"

namespace bitsweep {
namespace {

using Idle = std::map<std::string, std::string>;  // why, by key

// Fields of optimizers that one of them alone reads.
void add_optimizer(const std::string& group, const std::vector<std::string>& ids,
                   Idle& idle) {
  const auto reads = [&](const std::string& field) {
    return std::any_of(ids.begin(), ids.end(), [&](const std::string& id) {
      return optimizer_kind(id).reads(field);
    });
  };
  for (const auto& kind : optimizer_kinds()) {
    for (const auto& field : kind.fields) {
      if (reads(field)) continue;
      idle.emplace(group + ".optimizer." + field,
                   fmt::format("has no effect with {}; it is of {}", ids.front(),
                               optimizer_with(field)));
    }
  }
}

void add_schedule(const std::string& group, const std::vector<ScheduleSpec>& schedules,
                  Idle& idle) {
  const auto reads = [&](const std::string& field) {
    return std::any_of(schedules.begin(), schedules.end(),
                       [&](const ScheduleSpec& schedule) {
                         const bool warms_up = field == "unit" && schedule.warmup > 0;
                         return warms_up || schedule_kind(schedule.id).reads(field);
                       });
  };
  for (const auto& kind : schedule_kinds()) {
    for (const auto& field : kind.fields) {
      if (reads(field)) continue;
      idle.emplace(group + ".schedule." + field,
                   fmt::format("has no effect with the schedule '{}'; it is of {}",
                               schedules.front().id, schedules_with(field)));
    }
  }
}

// What training writes, fine-tuning takes over where it says nothing else.
void add_training(const RunSpec& run, Idle& idle) {
  std::vector<std::string> optimizers = {run.training.optimizer.id};
  std::vector<ScheduleSpec> schedules = {run.training.schedule};
  if (run.fine_tuning) {
    const TrainingSpec& own = *run.fine_tuning;
    add_optimizer("fine_tuning", {own.optimizer.id}, idle);
    add_schedule("fine_tuning", {own.schedule}, idle);
    optimizers.push_back(own.optimizer.id);
    schedules.push_back(own.schedule);
  }
  add_optimizer("training", optimizers, idle);
  add_schedule("training", schedules, idle);
}

// Of what is not trained again, all but the words that say so.
void add_fine_tuning(const RunSpec& run, const Node& fine_tuning, Idle& idle) {
  if (run.fine_tuning) return;
  for (const std::string& key : fine_tuning.keys) {
    if (key == "epochs" || key == "iterations" || key == "recipe") continue;
    idle.emplace("fine_tuning." + key, "has no effect: fine-tuning has 0 epochs");
  }
}

void add_pruning(const RunSpec& run, Idle& idle) {
  if (!run.pruning) return;
  static const auto schema = PruningSpec::schema();
  for (const FieldInfo& field : schema.fields()) {
    const auto readers = pruning_schedules_with(field.name, run.pruning->schedule);
    if (readers.empty()) continue;
    idle.emplace("pruning." + field.name,
                 fmt::format("has no effect with the schedule '{}'; it is of {}",
                             run.pruning->schedule, readers));
  }
}

bool is_override(const Node& node) { return node.place.file.starts_with("--set"); }

}  // namespace

void IdleSettings::look(const RowSpec& row, const Idle& of_methods) {
  const RunSpec& run = row.runs.front();
  const WrittenRow& written = *row.written;
  Idle idle = of_methods;
  add_training(run, idle);
  add_pruning(run, idle);
  if (const Node* node = written.row->find("fine_tuning");
      node && node->is_mapping() && run.start != "scratch") {
    add_fine_tuning(run, *node, idle);
    look_at(*node, "fine_tuning", written, idle);
  }
  const bool is_tuned = run.fine_tuning && run.start != "scratch";
  for (const std::string group : {"training", "fine_tuning"}) {
    if (group == "fine_tuning" && !is_tuned) continue;  // it says nothing of this run
    const Node* node = written.row->find(group);
    for (const std::string part : {"optimizer", "schedule"}) {
      const Node* below = node ? node->find(part) : nullptr;
      if (below) look_at(*below, joined_path(group, part), written, idle);
    }
  }
  if (const Node* pruning = written.row->find("pruning"); pruning && run.pruning) {
    look_at(*pruning, "pruning", written, idle);
  }
  if (run.start == "scratch" && run.compared.fine_tuned) {
    if (const Node* baseline = written.row->find("baseline")) {
      idle.emplace(
          "baseline.fine_tuned",
          "has no effect: the row is trained from scratch, as its float network is");
      look_at(*baseline, "baseline", written, idle);
    }
  }
  if (run.is_float()) return;  // it stands for rows of other methods
  if (const Node* method = written.row->find("method")) {
    look_at(*method, "method", written, idle);
  }
  if (const Node* calibration = written.row->find("calibration")) {
    look_at(*calibration, "calibration", written, idle);
  }
  if (const Node* batches = written.row->find("calibration_batches")) {
    look_at_value("calibration_batches", *batches, written, idle);
  }
  const Node* sites = written.row->find("sites");
  for (std::size_t i = 0; sites != nullptr && i < sites->items.size(); ++i) {
    if (const Node* method = sites->items[i].find("method")) {
      look_at(*method, fmt::format("sites.{}.method", i), written, idle);
    }
  }
  remark_on_unwritten(row, of_methods);
}

// What is idle changes nothing; what comes too late is not what the preset means.
void IdleSettings::remark_on_unwritten(const RowSpec& row, const Idle& idle) {
  const Node* method = row.written->row->find("method");
  for (const auto& [key, why] : idle) {
    if (why.starts_with("has no effect") || !key.starts_with("method.")) continue;
    const Node* own =
        method ? method->find(key.substr(std::string("method.").size())) : nullptr;
    if (own && !is_of_scheme(*row.written, *own)) continue;
    remarks_.push_back(fmt::format("row '{}': {}: {}", row.label, key, why));
  }
}

void IdleSettings::look_at(const Node& group, const std::string& key,
                           const WrittenRow& written, const Idle& idle) {
  for (std::size_t i = 0; i < group.keys.size(); ++i) {
    look_at_value(joined_path(key, group.keys[i]), group.items[i], written, idle);
  }
}

void IdleSettings::look_at_value(const std::string& key, const Node& node,
                                 const WrittenRow& written, const Idle& idle) {
  if (is_of_scheme(written, node)) return;
  Setting& setting = setting_of(node, key.substr(key.rfind('.') + 1));
  const auto found = idle.find(key);
  setting.has_effect |= found == idle.end();
  if (found != idle.end()) setting.why = found->second;
}

IdleSettings::Setting& IdleSettings::setting_of(const Node& node,
                                                const std::string& name) {
  const std::string id = node.place.prefix() + name;
  const auto found = std::find_if(settings_.begin(), settings_.end(),
                                  [&](const auto& known) { return known.first == id; });
  if (found != settings_.end()) return found->second;
  return settings_.emplace_back(id, Setting{node, "", false}).second;
}

std::vector<std::string> IdleSettings::report(bool is_trial, Problems& problems) const {
  std::vector<std::string> remarks = remarks_;
  for (const auto& [id, setting] : settings_) {
    if (setting.has_effect) continue;
    if (is_trial && !is_override(setting.node)) {
      remarks.push_back(fmt::format("{}{}: {}", setting.node.place.prefix(),
                                    setting.node.path, setting.why));
    } else {
      problems.add(setting.node, setting.why);
    }
  }
  return remarks;
}

}  // namespace bitsweep
