// bitsweep keys: what a study's file may say.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/config/run_spec.h"
#include "framework/config/study_rows.h"

namespace bitsweep {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

// "Of sgd. (real, default 0.9, 0 to 1)".
std::string field_text(const FieldInfo& field) {
  std::string text = field.help;
  text += fmt::format(" ({}", field.type);
  if (!field.default_value.empty()) text += ", default " + field.default_value;
  if (!field.range.empty()) text += ", " + field.range;
  return text + ")";
}

void add_fields(Lines& lines, const std::string& prefix,
                const std::vector<FieldInfo>& fields) {
  for (const auto& field : fields)
    lines.emplace_back(prefix + field.name, field_text(field));
}

Lines head_keys() {
  Lines lines = {{"name", "Names the study and the folder of its results."},
                 {"title", "Stands above the table."},
                 {"keep",
                  "What the record of a finished run keeps: state (its weights too) or "
                  "predictions (default state)."}};
  add_fields(lines, "dataset.", DatasetSpec::schema().fields());
  lines.insert(
      lines.end(),
      {{"network.id", "One of `bitsweep models`; beside it that model's parameters."},
       {"rows", "A list of rows; lists within a row stand for rows of their own."}});
  return lines;
}

Lines row_keys() {
  Lines lines;
  add_fields(lines, "", RowHeading::schema().fields());
  lines.insert(lines.end(),
               {{"method.id", "One of `bitsweep methods`; beside it its parameters."},
                {"method.bits",
                 "Widths that go together, where the method has no parameter so called: "
                 "[2, 4] for weights and activations, [2, 4, 8] with gradients, 4 for "
                 "both; [[2, 2], [4, 4]] for a row each."},
                {"network", "In the place of the study's, for this row."}});
  add_fields(lines, "published.", PublishedSpec::schema().fields());
  return lines;
}

// Of the study for all rows, or of a row.
Lines shared_keys() {
  Lines lines = {{"seeds", "A run for each: [1, 2, 3]."}};
  add_fields(lines, "", RunSpec::schema().fields());
  add_fields(lines, "baseline.", BaselineSpec::schema().fields());
  add_fields(lines, "edges.", EdgesSpec::schema().fields());
  lines.insert(
      lines.end(),
      {{"pruning.keep",
        "Share of the weights that stays, or shares by layer: {conv1: 0.66, \"*\": "
        "0.08}, "
        "of which the first that matches counts."},
       {"pruning.sparsity", "In its place: share of the weights that goes."},
       {"pruning.quality",
        "In its place: weights below so many standard deviations of their layer go."}});
  add_fields(lines, "pruning.", PruningSpec::schema().fields());
  lines.emplace_back("sites",
                     "Another method for single tensors: a list of {match: conv2/weight, "
                     "method: {...}}, of which the first that matches counts. A tensor "
                     "that several layers read has a name for each, conv2/input and "
                     "block1/add/shortcut; readers that come to the same method and "
                     "parameters share one quantizer.");
  return lines;
}

Lines training_keys() {
  Lines lines;
  add_fields(lines, "", TrainingSpec::schema().fields());
  add_fields(lines, "optimizer.", OptimizerSpec::schema().fields());
  add_fields(lines, "schedule.", ScheduleSpec::schema().fields());
  lines.emplace_back("multipliers", "A list of rules; the first that matches counts.");
  add_fields(lines, "multipliers.", MultiplierRule::schema().fields());
  add_fields(lines, "preprocessing.", PreprocessingSpec::schema().fields());
  add_fields(lines, "augmentation.", AugmentationSpec::schema().fields());
  return lines;
}

int list_keys(const Arguments&, Session&) {
  print_out(fmt::format(
      "A study:\n{}\n"
      "A row:\n{}\n"
      "A study, for all its rows, or a row:\n{}\n"
      "training, of the float networks and from scratch, and fine_tuning, which has what "
      "it\ndoes not say from training, or is `none`:\n{}",
      two_columns(head_keys()), two_columns(row_keys()), two_columns(shared_keys()),
      two_columns(training_keys())));
  return 0;
}

}  // namespace

Command keys_command() {
  return {{.command = "keys",
           .summary = "List what a study's file may say.",
           .positionals = {},
           .options = {}},
          list_keys};
}

}  // namespace bitsweep
