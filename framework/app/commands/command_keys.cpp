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
  Lines lines = {{"name", "Name of the study and of its results folder."},
                 {"title", "Title above the table."},
                 {"keep",
                  "What the record of a finished run keeps beside its figures: state "
                  "(weights, packed model and predictions), model (packed model and "
                  "predictions) or predictions (default state)."}};
  add_fields(lines, "dataset.", DatasetSpec::schema().fields());
  lines.insert(lines.end(),
               {{"network.id",
                 "A network of `bitsweep models`; its parameters are keys beside it."},
                {"rows",
                 "A list of rows; a list of values within a row expands into one row per "
                 "value."}});
  return lines;
}

Lines row_keys() {
  Lines lines;
  add_fields(lines, "", RowHeading::schema().fields());
  lines.insert(lines.end(),
               {{"method.id",
                 "A method of `bitsweep methods`; its parameters are keys beside it."},
                {"method.scheme",
                 "In the place of id: a preset of `bitsweep schemes`, which sets the "
                 "method and edges as an INT8 library does; keys beside it change it, "
                 "and the row's label says so; [tensorrt-max, tensorrt-entropy] for one "
                 "row each."},
                {"method.bits",
                 "Bit-widths in short, where the method has no parameter of this name: "
                 "[2, 4] for weights and activations, [2, 4, 8] with gradients, 4 for "
                 "both (for weights alone where the method leaves activations in float); "
                 "[[2, 2], [4, 4]] for one row each."},
                {"network", "Network of this row, instead of the study's."}});
  add_fields(lines, "published.", PublishedSpec::schema().fields());
  return lines;
}

// Of the study for all rows, or of a row.
Lines shared_keys() {
  Lines lines = {{"seeds", "Random seeds, one run each: [1, 2, 3]."}};
  add_fields(lines, "", RunSpec::schema().fields());
  add_fields(lines, "calibration.", CalibrationSpec::schema().fields());
  add_fields(lines, "baseline.", BaselineSpec::schema().fields());
  add_fields(lines, "edges.", EdgesSpec::schema().fields());
  lines.insert(
      lines.end(),
      {{"pruning.keep",
        "Fraction of the weights kept, or fractions by layer: {conv1: 0.66, \"*\": "
        "0.08}; the first pattern that matches counts."},
       {"pruning.sparsity", "Instead of keep: fraction of the weights removed."},
       {"pruning.quality",
        "Instead of keep: remove weights below this many standard deviations (std) of "
        "their layer."}});
  add_fields(lines, "pruning.", PruningSpec::schema().fields());
  lines.emplace_back(
      "sites",
      "Another method for single sites: a list of {match: conv2/weight, "
      "method: {...}}; the first pattern that matches counts, * stands for "
      "any text. A tensor that several layers read has a name for each, "
      "conv2/input and block1/add/shortcut; readers that come to the same "
      "method and parameters share one quantizer.");
  return lines;
}

Lines training_keys() {
  Lines lines;
  add_fields(lines, "", TrainingSpec::schema().fields());
  add_fields(lines, "optimizer.", OptimizerSpec::schema().fields());
  add_fields(lines, "schedule.", ScheduleSpec::schema().fields());
  lines.emplace_back(
      "multipliers",
      "Learning-rate and weight-decay factors by parameter: a list of rules; the first "
      "that matches counts.");
  add_fields(lines, "multipliers.", MultiplierRule::schema().fields());
  add_fields(lines, "preprocessing.", PreprocessingSpec::schema().fields());
  add_fields(lines, "augmentation.", AugmentationSpec::schema().fields());
  add_fields(lines, "distillation.", DistillationSpec::schema().fields());
  return lines;
}

int list_keys(const Arguments&, Session&) {
  print_out(fmt::format(
      "edges: the first and last layer, the biases and the input image, which many "
      "papers "
      "keep in\nfloat: what becomes of each is set apart from the method, and float by "
      "default.\n"
      "sites: the tensors that can be quantized, named LAYER/TENSOR: conv1/weight, "
      "conv1/input,\nconv1/output, conv1/gradient, conv1/bias.\n\n"
      "A study:\n{}\n"
      "A row:\n{}\n"
      "A study, for all its rows, or a row:\n{}\n"
      "training (of the float networks, and of rows from scratch) and fine_tuning (of "
      "quantized\nnetworks, and of a float row that has its own; what it leaves out is "
      "as in training;\n`none`: calibrate only):\n{}",
      two_columns(head_keys()), two_columns(row_keys()), two_columns(shared_keys()),
      two_columns(training_keys())));
  return 0;
}

}  // namespace

Command keys_command() {
  return {{.command = "keys",
           .summary = "List the keys of a study file, with defaults and ranges.",
           .positionals = {},
           .options = {}},
          list_keys};
}

}  // namespace bitsweep
