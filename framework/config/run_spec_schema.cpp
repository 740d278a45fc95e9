// What may stand in a study or a recipe: each key's name, range and help.

#include "framework/config/run_spec.h"

namespace bitsweep {

Schema<DatasetSpec> DatasetSpec::schema() {
  return Schema<DatasetSpec>{}
      .field("id", &DatasetSpec::id, "Which dataset, or the name of one of your own.")
      .field("folder", &DatasetSpec::folder,
             "Images of your own: train/CLASS/FILE, and perhaps test/CLASS/FILE.")
      .field("npz", &DatasetSpec::npz,
             "An NPZ file of your own: x_train, y_train, and perhaps x_test, y_test.")
      .field("hdf5", &DatasetSpec::hdf5, "The same arrays in an HDF5 file.")
      .field("test_share", &DatasetSpec::test_share,
             "Share of your own images to test on, where none are set apart for it; "
             "split_seed says which.",
             between(0.0, 1.0))
      .field("validation", &DatasetSpec::validation,
             "Images cut from the training data, to make choices by.", at_least(0))
      .field("split_seed", &DatasetSpec::split_seed, "Which images are cut.",
             at_least<std::int64_t>(0))
      .field("train_limit", &DatasetSpec::train_limit,
             "Train on so many images only; 0 for all.", at_least(0))
      .field("test_limit", &DatasetSpec::test_limit,
             "Test on so many images only; 0 for all.", at_least(0));
}

Schema<PreprocessingSpec> PreprocessingSpec::schema() {
  return Schema<PreprocessingSpec>{}
      .field("scale", &PreprocessingSpec::scale,
             "Factor of the pixels, which are 0 to 255.", above(0.0))
      .field("mean", &PreprocessingSpec::mean,
             "Which mean of the training images is subtracted.",
             one_of({"none", "channel", "pixel"}))
      .field("deviation", &PreprocessingSpec::deviation,
             "Which standard deviation of the training images is divided by.",
             one_of({"none", "channel"}));
}

Schema<AugmentationSpec> AugmentationSpec::schema() {
  return Schema<AugmentationSpec>{}
      .field("pad", &AugmentationSpec::pad,
             "Pixels of zeros added on each side before a random crop to the old size.",
             between(0, 64))
      .field("flip", &AugmentationSpec::flip, "Mirror every other image, at random.");
}

Schema<OptimizerSpec> OptimizerSpec::schema() {
  return Schema<OptimizerSpec>{}
      .field("id", &OptimizerSpec::id, "Which optimizer.", one_of({"sgd", "adam"}))
      .field("learning_rate", &OptimizerSpec::learning_rate, "Before the schedule.",
             above(0.0))
      .field("momentum", &OptimizerSpec::momentum, "Of sgd.", between(0.0, 1.0))
      .field("nesterov", &OptimizerSpec::nesterov, "Look ahead along the momentum (sgd).")
      .field("form", &OptimizerSpec::form,
             "Of sgd; caffe: v = m v + rate g, w -= v; modern: v = m v + g, w -= rate v.",
             one_of({"caffe", "modern"}))
      .field("weight_decay", &OptimizerSpec::weight_decay,
             "L2: so much of a weight is added to its gradient.", at_least(0.0))
      .field("beta1", &OptimizerSpec::beta1, "Memory of the mean (adam).",
             between(0.0, 1.0))
      .field("beta2", &OptimizerSpec::beta2, "Memory of the square (adam).",
             between(0.0, 1.0))
      .field("epsilon", &OptimizerSpec::epsilon, "Added to the root (adam).", above(0.0))
      .field("quantizer_learning_rate", &OptimizerSpec::quantizer_learning_rate,
             "Factor of the rate for what quantizers learn: steps, scales, clips.",
             at_least(0.0))
      .field("quantizer_weight_decay", &OptimizerSpec::quantizer_weight_decay,
             "Factor of the decay of what quantizers learn.", at_least(0.0));
}

Schema<ScheduleSpec> ScheduleSpec::schema() {
  return Schema<ScheduleSpec>{}
      .field("id", &ScheduleSpec::id, "How the learning rate changes.",
             one_of({"fixed", "step", "multistep", "inv", "exponential", "cosine"}))
      .field("unit", &ScheduleSpec::unit, "What positions t are counted in.",
             one_of({"epoch", "iteration"}))
      .field("gamma", &ScheduleSpec::gamma,
             "step and multistep: factor at each step; inv: (1 + gamma t)^-power.",
             above(0.0))
      .field("power", &ScheduleSpec::power, "Of inv.", above(0.0))
      .field("step", &ScheduleSpec::step, "Distance between steps.", at_least(0.0))
      .field("milestones", &ScheduleSpec::milestones, "Where multistep steps, ascending.")
      .field("final_learning_rate", &ScheduleSpec::final_learning_rate,
             "Where cosine and exponential end.", at_least(0.0))
      .field("warmup", &ScheduleSpec::warmup,
             "Positions over which the rate rises from 0, linearly.", at_least(0.0));
}

Schema<MultiplierRule> MultiplierRule::schema() {
  return Schema<MultiplierRule>{}
      .field("match", &MultiplierRule::match, "Pattern of parameter names: \"*/bias\".")
      .field("learning_rate", &MultiplierRule::learning_rate,
             "Factor of their learning rate.", at_least(0.0))
      .field("decay", &MultiplierRule::decay, "Factor of their weight decay.",
             at_least(0.0));
}

Schema<TrainingSpec> TrainingSpec::schema() {
  return Schema<TrainingSpec>{}
      .field("recipe", &TrainingSpec::recipe,
             "File of recipes/ to begin with; the other keys change it.")
      .field("epochs", &TrainingSpec::epochs, "Passes over the training images.",
             between(0.0, 1e6))
      .field("iterations", &TrainingSpec::iterations,
             "Batches; takes the place of epochs.",
             between<std::int64_t>(0, 1'000'000'000))
      .field("batch_size", &TrainingSpec::batch_size, "Images in one step.", at_least(1))
      .field("loss", &TrainingSpec::loss, "What is minimised.",
             one_of({"cross_entropy", "squared_hinge"}));
}

Schema<EdgesSpec> EdgesSpec::schema() {
  const auto choice = one_of({"float", "8", "method"});
  return Schema<EdgesSpec>{}
      .field("first", &EdgesSpec::first, "Who quantizes the first layer.", choice)
      .field("last", &EdgesSpec::last, "Who quantizes the last layer.", choice)
      .field("bias", &EdgesSpec::bias, "Who quantizes the biases.", choice)
      .field("image", &EdgesSpec::image,
             "Who quantizes the network's input, where first is not float.", choice);
}

Schema<BaselineSpec> BaselineSpec::schema() {
  return Schema<BaselineSpec>{}.field(
      "fine_tuned", &BaselineSpec::fine_tuned,
      "Compare a row with the float network fine-tuned as the row is, not with the one "
      "that both begin from: what more training gains is no gain of a method.");
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
             "A file of `bitsweep calibrate`, whose grids activations take instead.");
}

Schema<RunSpec> RunSpec::schema() {
  return Schema<RunSpec>{}
      .field("start", &RunSpec::start,
             "Whether a quantized network begins with the float network's weights.",
             one_of({"baseline", "scratch"}))
      .field("calibration_batches", &RunSpec::calibration_batches,
             "Batches of training images that activation grids are chosen on.",
             at_least(1))
      .field("seed", &RunSpec::seed, "Of everything random but the split.",
             at_least<std::int64_t>(0));
}

Schema<PublishedSpec> PublishedSpec::schema() {
  return Schema<PublishedSpec>{}
      .field("loss", &PublishedSpec::loss, "Points of accuracy below its float baseline.")
      .field("accuracy", &PublishedSpec::accuracy, "Percent.",
             Allowed<std::optional<double>>{
                 "0 to 100", [](const auto& v) { return v && 0 <= *v && *v <= 100; }})
      .field("baseline", &PublishedSpec::baseline, "Percent.",
             Allowed<std::optional<double>>{
                 "0 to 100", [](const auto& v) { return v && 0 <= *v && *v <= 100; }})
      .field("on", &PublishedSpec::on, "Network, data and measure.")
      .field("source", &PublishedSpec::source, "Where it is printed.")
      .field("mark", &PublishedSpec::mark,
             "Whether the figure was read in its source or is recalled.",
             one_of({"verified", "recalled"}))
      .field("recipe", &PublishedSpec::recipe,
             "same where network, data and training are those of the row: only then can "
             "a figure be reproduced or missed.",
             one_of({"differs", "same"}));
}

}  // namespace bitsweep
