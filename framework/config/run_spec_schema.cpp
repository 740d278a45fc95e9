// What may stand in a study or a recipe: each key's name, range and help.

#include <fmt/format.h>

#include "framework/config/optimizers.h"
#include "framework/config/run_spec.h"
#include "framework/config/schedules.h"

namespace bitsweep {
namespace {

// "Momentum (sgd).": of the optimizer or the schedules that read the field.
std::string help_of_optimizer(const char* field, const char* help) {
  return fmt::format("{} ({}).", help, optimizer_with(field));
}
std::string help_of_schedules(const char* field, const char* help) {
  return fmt::format("{} ({}).", help, schedules_with(field));
}

// "sgd, stochastic gradient descent; adam, ..." of all rows.
template <class Kind>
std::string listed(const std::vector<Kind>& kinds, std::string Kind::*text) {
  std::vector<std::string> all;
  for (const Kind& kind : kinds)
    all.push_back(fmt::format("{}: {}", kind.id, kind.*text));
  return fmt::format("{}", fmt::join(all, "; "));
}

template <class Kind>
std::vector<std::string> ids_of(const std::vector<Kind>& kinds) {
  std::vector<std::string> ids;
  for (const Kind& kind : kinds) ids.push_back(kind.id);
  return ids;
}

}  // namespace

Schema<DatasetSpec> DatasetSpec::schema() {
  return Schema<DatasetSpec>{}
      .field("id", &DatasetSpec::id,
             "A dataset of `bitsweep datasets`, or a name for one of your own.")
      .field("folder", &DatasetSpec::folder,
             "A folder of your own images: train/CLASS/FILE and, optionally, "
             "test/CLASS/FILE.")
      .field("npz", &DatasetSpec::npz,
             "An NPZ file of your own: x_train, y_train and, optionally, x_test, y_test.")
      .field("hdf5", &DatasetSpec::hdf5, "The same arrays in an HDF5 file.")
      .field("test_share", &DatasetSpec::test_share,
             "Share of your own images held out for testing, where the dataset has no "
             "test split.",
             between(0.0, 1.0))
      .field("validation", &DatasetSpec::validation,
             "Images held out of the training data for validation.", at_least(0))
      .field("split_seed", &DatasetSpec::split_seed,
             "Random seed of the validation (and own test) split.",
             at_least<std::int64_t>(0))
      .field("train_limit", &DatasetSpec::train_limit,
             "Number of training images to use; 0: all.", at_least(0))
      .field("test_limit", &DatasetSpec::test_limit,
             "Number of test images to use; 0: all.", at_least(0));
}

Schema<PreprocessingSpec> PreprocessingSpec::schema() {
  return Schema<PreprocessingSpec>{}
      .field("scale", &PreprocessingSpec::scale,
             "Factor on pixel values, which are 0 to 255.", above(0.0))
      .field("mean", &PreprocessingSpec::mean,
             "Mean of the training images to subtract: none, one per channel, one per "
             "pixel.",
             one_of({"none", "channel", "pixel"}))
      .field("deviation", &PreprocessingSpec::deviation,
             "Standard deviation (std) of the training images to divide by.",
             one_of({"none", "channel"}));
}

Schema<AugmentationSpec> AugmentationSpec::schema() {
  return Schema<AugmentationSpec>{}
      .field(
          "pad", &AugmentationSpec::pad,
          "Zero padding on each side, in pixels, before a random crop to the old size.",
          between(0, 64))
      .field("flip", &AugmentationSpec::flip,
             "Flip each image horizontally with probability 1/2.");
}

Schema<OptimizerSpec> OptimizerSpec::schema() {
  return Schema<OptimizerSpec>{}
      .field("id", &OptimizerSpec::id,
             listed(optimizer_kinds(), &OptimizerKind::summary) + ".",
             one_of(ids_of(optimizer_kinds())))
      .field("learning_rate", &OptimizerSpec::learning_rate, "Initial learning rate.",
             above(0.0))
      .field("momentum", &OptimizerSpec::momentum,
             help_of_optimizer("momentum", "Momentum"), between(0.0, 1.0))
      .field("nesterov", &OptimizerSpec::nesterov,
             help_of_optimizer("nesterov", "Nesterov momentum"))
      .field("form", &OptimizerSpec::form,
             help_of_optimizer("form",
                               "Update rule: caffe: v = m v + rate g, w -= v; modern: v "
                               "= m v + g, w -= rate v"),
             one_of({"caffe", "modern"}))
      .field("weight_decay", &OptimizerSpec::weight_decay,
             "Weight decay (L2): this times the weight is added to its gradient.",
             at_least(0.0))
      .field("beta1", &OptimizerSpec::beta1,
             help_of_optimizer("beta1", "Decay rate of the first moment"),
             between(0.0, 1.0))
      .field("beta2", &OptimizerSpec::beta2,
             help_of_optimizer("beta2", "Decay rate of the second moment"),
             between(0.0, 1.0))
      .field("epsilon", &OptimizerSpec::epsilon,
             help_of_optimizer("epsilon", "Added to the denominator for stability"),
             above(0.0))
      .field(
          "quantizer_learning_rate", &OptimizerSpec::quantizer_learning_rate,
          "Factor on the learning rate of learned quantizer parameters: steps, scales, "
          "clips.",
          at_least(0.0))
      .field("quantizer_weight_decay", &OptimizerSpec::quantizer_weight_decay,
             "Factor on the weight decay of learned quantizer parameters.",
             at_least(0.0));
}

Schema<ScheduleSpec> ScheduleSpec::schema() {
  return Schema<ScheduleSpec>{}
      .field("id", &ScheduleSpec::id,
             "How the learning rate changes from lr, the initial one: " +
                 listed(schedule_kinds(), &ScheduleKind::formula) +
                 "; t and end are where training stands and ends.",
             one_of(ids_of(schedule_kinds())))
      .field("unit", &ScheduleSpec::unit, "What t and other positions are counted in.",
             one_of({"epoch", "iteration"}))
      .field("gamma", &ScheduleSpec::gamma, help_of_schedules("gamma", "Factor"),
             above(0.0))
      .field("power", &ScheduleSpec::power, help_of_schedules("power", "Exponent"),
             above(0.0))
      .field("step", &ScheduleSpec::step,
             help_of_schedules("step", "Interval between steps"), at_least(0.0))
      .field("milestones", &ScheduleSpec::milestones,
             help_of_schedules("milestones", "Positions of the steps, ascending"))
      .field("final_learning_rate", &ScheduleSpec::final_learning_rate,
             help_of_schedules("final_learning_rate", "Final learning rate"),
             at_least(0.0))
      .field("warmup", &ScheduleSpec::warmup, "Length of the linear warm-up from 0.",
             at_least(0.0));
}

Schema<MultiplierRule> MultiplierRule::schema() {
  return Schema<MultiplierRule>{}
      .field("match", &MultiplierRule::match,
             "Pattern of parameter names, as in \"*/bias\"; * stands for any text.")
      .field("learning_rate", &MultiplierRule::learning_rate,
             "Factor on their learning rate.", at_least(0.0))
      .field("decay", &MultiplierRule::decay, "Factor on their weight decay.",
             at_least(0.0));
}

Schema<TrainingSpec> TrainingSpec::schema() {
  return Schema<TrainingSpec>{}
      .field(
          "recipe", &TrainingSpec::recipe,
          "Training recipe to start from (configs/recipes); the other keys override it.")
      .field("epochs", &TrainingSpec::epochs, "Epochs: passes over the training images.",
             between(0.0, 1e6))
      .field("iterations", &TrainingSpec::iterations,
             "Number of batches; replaces epochs.",
             between<std::int64_t>(0, 1'000'000'000))
      .field("batch_size", &TrainingSpec::batch_size, "Images per training step.",
             at_least(1))
      .field("loss", &TrainingSpec::loss, "Loss function.",
             one_of({"cross_entropy", "squared_hinge"}));
}

Schema<DistillationSpec> DistillationSpec::schema() {
  return Schema<DistillationSpec>{}
      .field("weight", &DistillationSpec::weight,
             "Share of the loss that compares with the float network's outputs; the rest "
             "compares with the labels.",
             Allowed<double>{"above 0, up to 1",
                             [](const auto& v) { return 0 < v && v <= 1; }})
      .field("temperature", &DistillationSpec::temperature,
             "Logits of both networks are divided by it before the softmax; the gradient "
             "is multiplied by its square.",
             between(0.01, 1000.0));
}

Schema<EdgesSpec> EdgesSpec::schema() {
  const auto choice = one_of({"float", "8", "method"});
  return Schema<EdgesSpec>{}
      .field("first", &EdgesSpec::first,
             "How the first layer (weights and input) is quantized: float: not at all; "
             "8: to 8 "
             "bits; method: by the method, as the other layers.",
             choice)
      .field("last", &EdgesSpec::last,
             "How the last layer (weights and input) is quantized.", choice)
      .field("bias", &EdgesSpec::bias, "How biases are quantized.", choice)
      .field("image", &EdgesSpec::image,
             "How the input image is quantized, where edges.first is not float.", choice);
}

Schema<BaselineSpec> BaselineSpec::schema() {
  return Schema<BaselineSpec>{}.field(
      "fine_tuned", &BaselineSpec::fine_tuned,
      "Compare each row with a float network fine-tuned like the row, instead of with "
      "the "
      "one that both start from: the gain of longer training is not the method's.");
}

Schema<CalibrationSpec> CalibrationSpec::schema() {
  return Schema<CalibrationSpec>{}
      .field("images", &CalibrationSpec::images,
             "Training images that activation grids are chosen on, a whole number of "
             "batches; 0: calibration_batches of them.",
             at_least(0))
      .field("seed", &CalibrationSpec::seed,
             "Draws these images, without augmentation; 0: the first ones.",
             at_least<std::int64_t>(0))
      .field("table", &CalibrationSpec::table,
             "A file of `bitsweep calibrate`, beside the study or a path from the "
             "working folder, whose grids activations take instead.");
}

Schema<RunSpec> RunSpec::schema() {
  return Schema<RunSpec>{}
      .field("start", &RunSpec::start,
             "Start from the trained float network (baseline), or train from scratch.",
             one_of({"baseline", "scratch"}))
      .field("calibration_batches", &RunSpec::calibration_batches,
             "Number of training batches on which activation ranges are calibrated.",
             at_least(1))
      .field("seed", &RunSpec::seed, "Random seed, except for the validation split.",
             at_least<std::int64_t>(0));
}

Schema<PublishedSpec> PublishedSpec::schema() {
  return Schema<PublishedSpec>{}
      .field("loss", &PublishedSpec::loss,
             "Published accuracy drop below the paper's float baseline, in percentage "
             "points (pp).")
      .field("accuracy", &PublishedSpec::accuracy, "Published accuracy, in percent.",
             Allowed<std::optional<double>>{
                 "0 to 100", [](const auto& v) { return v && 0 <= *v && *v <= 100; }})
      .field("baseline", &PublishedSpec::baseline,
             "Published accuracy of the float baseline, in percent.",
             Allowed<std::optional<double>>{
                 "0 to 100", [](const auto& v) { return v && 0 <= *v && *v <= 100; }})
      .field("on", &PublishedSpec::on, "Network, dataset and metric of the figure.")
      .field("source", &PublishedSpec::source,
             "Publication in which the figure was read.")
      .field("mark", &PublishedSpec::mark,
             "verified: read in its source; quoted: read in a survey or later paper that "
             "quotes it, not in its source; recalled: neither.",
             one_of({"verified", "quoted", "recalled"}))
      .field("recipe", &PublishedSpec::recipe,
             "same: network, data and training are the row's, so that the figure can be "
             "reproduced or missed.",
             one_of({"differs", "same"}));
}

}  // namespace bitsweep
