// One run, completely: every parameter resolved, nothing left to a default that could
// change. Plain values; reading them from YAML is `study_file.h`'s affair.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/model_spec.h"
#include "framework/config/pruning_spec.h"
#include "framework/schema/schema.h"

namespace bitsweep {

/// `dataset: {id: fashion-mnist, validation: 5000}`, or one of the user's own:
/// `dataset: {folder: pets, test_share: 0.2}`, whose id is then a name for tables.
struct DatasetSpec {
  std::string id = "fashion-mnist";
  std::string folder;     // of images: train/<class>/, test/<class>/
  std::string npz;        // a file of the arrays x_train, y_train, x_test, y_test
  std::string hdf5;       // the same as HDF5 datasets
  double test_share = 0;  // of the user's own images, where none are for testing
  int validation = 5000;
  std::int64_t split_seed = 1;
  int train_limit = 0;
  int test_limit = 0;
  static Schema<DatasetSpec> schema();

  bool is_own() const { return !folder.empty() || !npz.empty() || !hdf5.empty(); }
};

/// How images become numbers, before augmentation.
struct PreprocessingSpec {
  double scale = 1.0 / 255;
  std::string mean = "channel";       // none, channel, pixel: of the training split
  std::string deviation = "channel";  // none, channel
  static Schema<PreprocessingSpec> schema();
};

struct AugmentationSpec {
  int pad = 0;
  bool flip = false;
  static Schema<AugmentationSpec> schema();
};

struct OptimizerSpec {
  std::string id = "sgd";  // of `optimizer_kinds`
  double learning_rate = 0.01;
  double momentum = 0.9;
  bool nesterov = false;
  std::string form = "caffe";  // caffe: v = mu v + lr g; modern: v = mu v + g, w -= lr v
  double weight_decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  // Factors for what quantizers learn (steps, scales, clips), over the method's own.
  double quantizer_learning_rate = 1;
  double quantizer_weight_decay = 1;
  static Schema<OptimizerSpec> schema();
};

struct ScheduleSpec {
  std::string id = "fixed";    // of `schedule_kinds`
  std::string unit = "epoch";  // of the positions below: epoch, iteration
  double gamma = 0.1;
  double power = 0.75;
  double step = 0;
  std::vector<double> milestones;
  double final_learning_rate = 0;
  double warmup = 0;  // positions over which the rate rises from 0, linearly
  static Schema<ScheduleSpec> schema();
};

/// `{match: "*/bias", learning_rate: 2, decay: 1}`: multipliers for the parameters whose
/// name the pattern matches, beside the factors their method has given them; the first
/// rule that matches counts.
struct MultiplierRule {
  std::string match;
  double learning_rate = 1;
  double decay = 1;
  Place place = {};  // where it is written; no part of the run
  static Schema<MultiplierRule> schema();
};

/// `fine_tuning: {distillation: {weight: 1}}`: training follows the float network, whose
/// logits are targets beside the labels (Hinton et al., arXiv:1503.02531).
struct DistillationSpec {
  double weight = 1;       // of the teacher's targets against the labels'
  double temperature = 1;  // that both networks' logits are divided by
  static Schema<DistillationSpec> schema();
};

/// What training is made of; a recipe file is one of these.
struct TrainingSpec {
  std::string recipe;  // the file it began with, if any; not part of a run's identity
  double epochs = 1;
  std::int64_t iterations = 0;  // takes the place of epochs when above 0
  int batch_size = 100;
  std::string loss = "cross_entropy";  // cross_entropy, squared_hinge
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  std::vector<MultiplierRule> multipliers;
  PreprocessingSpec preprocessing;
  AugmentationSpec augmentation;
  std::optional<DistillationSpec> distillation = {};  // of fine-tuning alone
  /// The fields outside the groups.
  static Schema<TrainingSpec> schema();
};

/// Who quantizes the ends of the network: `float`, `8` or `method`.
struct EdgesSpec {
  std::string first = "float";  // weights and input of the first layer
  std::string last = "float";   // weights and input of the last layer
  std::string bias = "float";
  std::string image = "float";  // the network's input, where `first` is not float
  static Schema<EdgesSpec> schema();
};

struct MethodSpec {
  std::string id = "float";
  RawParams params;         // resolved by the method's schema
  std::string plugin = {};  // SHA-256 of the library that brings it; "" for a built-in
  int version = 1;          // of the method's numbers, as its source says
};

/// `sites: [{match: "conv*/weight", method: {id: lognet, weight_bits: 5}}]`; first match
/// wins.
struct SiteRule {
  std::string match;
  MethodSpec method;
  Place place = {};  // where it is written; no part of the run
};

/// `baseline: {fine_tuned: true}`: which float network a row is compared with.
struct BaselineSpec {
  bool fine_tuned = false;
  static Schema<BaselineSpec> schema();
};

/// `calibration: {images: 500, seed: 3}`: which training images activation grids are
/// chosen on; or `{table: FILE}`: grids that `bitsweep calibrate` wrote.
struct CalibrationSpec {
  int images = 0;         // whole batches; 0: as many as `calibration_batches` says
  std::int64_t seed = 0;  // draws the images; 0: the first ones
  std::string table;
  std::string table_checksum = {};  // of the file, SHA-256; "" until it was read
  static Schema<CalibrationSpec> schema();
  friend bool operator==(const CalibrationSpec&, const CalibrationSpec&) = default;
};

/// Everything that decides a run's numbers.
struct RunSpec {
  DatasetSpec dataset;
  ModelSpec network;
  TrainingSpec training;  // of the float baseline, or from scratch
  MethodSpec method;
  EdgesSpec edges;
  std::vector<SiteRule> sites;
  std::string start = "baseline";  // baseline: fine-tune the float run; scratch
  /// How the quantized network is trained; none: not at all after calibration. From
  /// scratch it is `training` itself.
  std::optional<TrainingSpec> fine_tuning;
  std::optional<PruningSpec> pruning;  // none: what the methods ask for
  int calibration_batches = 10;
  CalibrationSpec calibration;
  std::int64_t seed = 1;
  /// Of the dataset's files, as in Dataset; "" until they were read. Part of the run's
  /// identity.
  std::string data_checksum;
  BaselineSpec compared;  // no part of the run's identity
  /// The fields outside the groups.
  static Schema<RunSpec> schema();

  /// A float network with all its weights.
  bool is_float() const { return method.id == "float" && !pruning; }
  /// As `training` leaves it.
  bool is_baseline() const { return is_float() && !fine_tuning; }
  /// Whether it begins with the weights of `baseline()`.
  bool starts_from_baseline() const { return !is_baseline() && start == "baseline"; }
  /// The float run that this one starts from.
  RunSpec baseline() const;
  /// The float run that this one is compared with: `baseline()`, or that fine-tuned as
  /// this run is, where `compared` asks for it and there is fine-tuning.
  RunSpec control() const;
  /// YAML with every parameter in a fixed order: equal runs have equal texts. What does
  /// not matter to the run (an unused baseline's seed, labels) is not in it.
  std::string canonical_text() const;
};

/// A published figure to stand beside ours.
struct PublishedSpec {
  std::optional<double> loss;      // points of accuracy below its float baseline
  std::optional<double> accuracy;  // percent
  std::optional<double> baseline;  // percent
  std::string on;                  // "AlexNet, ImageNet, top-5"
  std::string source;
  std::string mark = "recalled";   // verified, quoted, recalled
  std::string recipe = "differs";  // same: network, data and training are the row's
  static Schema<PublishedSpec> schema();
};

/// The run that a canonical text describes: `parse_run(t).canonical_text() == t`.
/// Throws ConfigError when it is not one.
RunSpec parse_run(const std::string& canonical_text);

/// 16 hexadecimal digits that name the run: of its canonical text and of the version of
/// the numbers (`kResultsVersion`).
std::string digest(const RunSpec& run, int results_version);

struct WrittenRow;

/// One line of a study's table before seeds: what the runs of a row have in common.
struct RowSpec {
  std::string group;
  std::string label;  // "dorefa w4 a4"; no two rows of a study have the same
  PublishedSpec published;
  std::vector<RunSpec> runs;  // one for each seed
  /// Where it is written; null for a row that no file has.
  std::shared_ptr<const WrittenRow> written = nullptr;
};

/// A study file, expanded: lists became rows, in the file's order. Float baselines are
/// rows too, first for each pair of network and dataset.
struct StudySpec {
  std::string name;
  std::string title;
  std::string file;
  std::vector<RowSpec> rows;
  /// What a finished record keeps: state (the weights too), model or predictions.
  std::string keep = "state";
  /// What its reader noticed that is no mistake:
  /// "study.yaml:9: rows.0.method.grad: is called 'ste' now".
  std::vector<std::string> notes = {};
};

}  // namespace bitsweep
