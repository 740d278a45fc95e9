// bitsweep validate: everything about a study that can be checked before training.

#include "framework/app/commands/commands.h"
#include "framework/app/schedule/plan.h"
#include "framework/app/study.h"

namespace bitsweep {
namespace {

int validate(const Arguments& arguments, Session& session) {
  const StudySpec study = checked_study(arguments, session, {.missing_data = true});
  const Plan plan = make_plan(study, [](const auto&) { return RunState::kMissing; });
  print_out(plan_size(study.name, plan) + "\n");
  return 0;
}

}  // namespace

Command validate_command() {
  return {{.command = "validate",
           .summary = "Check a study without running it.",
           .positionals = {{"STUDY", "The study's YAML file."}},
           .options = {override_option(), plugin_option(), data_folder_option()}},
          validate};
}

}  // namespace bitsweep
