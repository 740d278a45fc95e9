// bitsweep eval: scores a packed model on a dataset's test images.

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/model_argument.h"
#include "framework/app/named_data.h"
#include "framework/app/output_file.h"
#include "framework/app/tensor_file.h"
#include "framework/config/run_text.h"
#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "framework/eval/packed_score.h"
#include "framework/eval/parting.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

std::string shape_text(ImageShape shape, int classes) {
  return fmt::format("{}x{}x{} in {} classes", shape.height, shape.width, shape.channels,
                     classes);
}

// A model keeps the name of its data, not the place of the user's own.
void refuse_unnamed(const DatasetSpec& spec, const Arguments& arguments) {
  const auto known = known_datasets();
  const bool is_known = std::any_of(known.begin(), known.end(),
                                    [&](const auto& info) { return info.id == spec.id; });
  if (spec.is_own() || is_known || arguments.has("data")) return;
  throw ConfigError(fmt::format(
      "eval: {} was trained on '{}', a dataset of its owner; say where it is: "
      "--data folder=PATH, npz=PATH or hdf5=PATH",
      arguments.positional(0), spec.id));
}

// Of the run whose record is scored: its table is of so many test images. 0: of all.
int test_limit_of(const std::string& path) {
  if (fs::path(path).extension() != ".h5") return 0;
  const RunRecord record = read_record_summary(path, SummaryDepth::kPage);
  return parse_run(record.canonical_text).dataset.test_limit;
}

DatasetSpec spec_for(const PackedModel& model, const Arguments& arguments) {
  DatasetSpec spec = named_data(arguments.text("data", model.dataset), "--data");
  refuse_unnamed(spec, arguments);
  if (!arguments.has("data") && !arguments.has("limit")) {
    spec.test_limit = test_limit_of(arguments.positional(0));
  }
  return spec;
}

// Test images that the model can be scored on.
Dataset data_for(const PackedModel& model, const DatasetSpec& spec,
                 const Arguments& arguments) {
  const ImageShape own = model.graph.image;
  const auto refuse = [&](ImageShape shape, int classes) {
    throw ConfigError(
        fmt::format("eval: {} has images of {}; {} takes {}; name other data with --data",
                    spec.id, shape_text(shape, classes), arguments.positional(0),
                    shape_text(own, model.graph.classes)));
  };
  const DatasetInfo info = dataset_info(spec);  // before anything large is read
  if (own != info.shape || model.graph.classes != info.classes) {
    refuse(info.shape, info.classes);
  }
  Dataset data = load_dataset(spec, data_folders(arguments.text("data-dir")));
  if (spec.is_own() || spec.id != model.dataset) {
    print_note(fmt::format(
        "bitsweep: the model was trained on {}: {} is scored with the preprocessing of "
        "those training images, and its classes count by their order",
        model.dataset, spec.id));
  }
  return data;
}

// The median time of one image by itself, in milliseconds.
double latency_ms(const PackedModel& model, ExecutorOptions options,
                  const Batches& images) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 51;
  options.batch = 1;
  Executor executor(model, options);
  images.load(0, executor.image(0));
  std::vector<double> times;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = Clock::now();
    executor.run(1);
    times.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return times[kRuns / 2];
}

void write_scores(const std::filesystem::path& path, const PackedModel& model,
                  const Batches& images, const PackedScore& score) {
  const auto shape = model.graph.image;
  const auto count = std::size_t(score.images);
  std::vector<float> values(count * shape.elements());
  std::vector<std::int32_t> labels(count);
  for (std::size_t i = 0; i < count; ++i) {
    images.load(i, std::span(values).subspan(i * shape.elements(), shape.elements()));
    labels[i] = images.label(i);
  }
  TensorFile file;
  file.tensor("/images", values,
              {score.images, shape.height, shape.width, shape.channels});
  file.tensor("/logits", score.logits, {score.images, model.graph.classes});
  file.tensor("/predictions", score.predictions, {score.images});
  file.tensor("/labels", labels, {score.images});
  file.save(path);
}

Requantize requantize_of(const Arguments& arguments) {
  if (!arguments.has("requantize")) return Requantize::kAsTrained;
  try {
    return requantize_named(arguments.text("requantize"));
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("eval: --requantize: {}", error.what()));
  }
}

// Which products make codes of their sums at once, and why the others do not.
void print_requantized(const Executor& executor) {
  const auto& products = executor.products();
  const auto count = std::count_if(products.begin(), products.end(),
                                   [](const auto& p) { return p.is_requantized; });
  print_out(fmt::format("codes straight from sums: {} of {} products\n", count,
                        products.size()));
  for (const ProductPlan& product : products) {
    if (product.is_requantized) continue;
    print_out(fmt::format("  not {}: {}\n", product.layer, product.why_not));
  }
}

void print_agreement(const char* what, const Agreement& agreement) {
  print_out(fmt::format("predictions as {}: {} of {}; largest logit difference {:.3g}\n",
                        what, agreement.same_predictions, agreement.images,
                        agreement.largest_logit_difference));
}

// How the predictions compare with those of the simulation, image by image.
void explain(const PackedModel& model, const ExecutorOptions& options,
             const Batches& images, const PackedScore& score) {
  ExecutorOptions in_float = options;
  in_float.integer = false;
  in_float.requantize = Requantize::kAsTrained;
  Executor simulation(model, in_float);
  const PackedScore simulated =
      score_packed(simulation, images, std::size_t(score.images));
  print_agreement("simulated", agreement_of(score, simulated));
  const auto partings = find_partings(model, options, images, score, simulated);
  for (const auto& line : parting_summary(partings)) print_out("  " + line + "\n");
  for (const Parting& parting : partings) print_out("  " + parting_text(parting) + "\n");
}

int eval(const Arguments& arguments, Session&) {
  const PackedModel model = model_of(arguments.positional(0));
  const bool writes = arguments.has("out");
  const std::filesystem::path out = writes ? output_file(arguments) : "";
  const auto cores = int(std::thread::hardware_concurrency());
  set_threads(arguments.whole_number("threads", std::max(1, cores), 1));
  ExecutorOptions options{.batch = arguments.whole_number("batch", 100, 1),
                          .integer = !arguments.has("simulate"),
                          .requantize = requantize_of(arguments)};
  if (arguments.has("explain") && arguments.has("requantize")) {
    throw ConfigError(
        "eval: --explain follows values that --requantize never makes; leave one out");
  }
  if (arguments.has("explain") && arguments.has("simulate")) {
    throw ConfigError(
        "eval: --explain compares with --simulate, which would be itself; leave one out");
  }
  if (arguments.has("requantize") && arguments.has("simulate")) {
    throw ConfigError(
        "eval: --requantize is of products on integers, of which --simulate has none; "
        "leave "
        "one out");
  }
  const auto limit = std::size_t(arguments.whole_number("limit", 0, 0));
  const DatasetSpec spec = spec_for(model, arguments);
  const Dataset data = data_for(model, spec, arguments);
  const Preprocessing preprocessing = preprocessing_of(model);
  const Batches images(data.test, preprocessing);
  if (!arguments.has("batch")) {
    const std::size_t scored = limit > 0 ? limit : images.count();
    options.batch = int(std::min({std::size_t(options.batch), images.count(), scored}));
  }
  if (std::size_t(options.batch) > images.count()) {
    throw ConfigError(fmt::format("eval: --batch {}: there are {} test images",
                                  options.batch, images.count()));
  }
  if (limit > images.count()) {
    throw ConfigError(
        fmt::format("eval: --limit {}: there are {} test images", limit, images.count()));
  }

  Executor executor(model, options);
  score_packed(executor, images, std::min<std::size_t>(images.count(), 500));  // warm
  const PackedScore score = score_packed(executor, images, limit);
  print_out(fmt::format(
      "accuracy: {:.2f} % ({} of {} images, {}{})\n"
      "speed: {:.0f} images/s (batch {}, {} thread{}), latency {:.3f} ms (batch 1)\n"
      "peak memory: {:.0f} MB\n",
      100 * score.accuracy(), score.correct, score.images, data.title,
      spec.test_limit > 0 && !arguments.has("data")
          ? "; the run's test_limit, --limit 0 scores all"
          : "",
      score.images_per_second(), options.batch, threads(), threads() == 1 ? "" : "s",
      latency_ms(model, options, images), peak_memory_mb()));
  if (depends_on_batch(model)) {
    print_out(fmt::format(
        "ranges of activations are those of each batch: this is the accuracy of batches "
        "of {}, other sizes of --batch give another\n",
        options.batch));
  }
  if (options.requantize != Requantize::kAsTrained) {
    print_requantized(executor);
    ExecutorOptions as_trained = options;
    as_trained.requantize = Requantize::kAsTrained;
    Executor other(model, as_trained);
    print_agreement("without --requantize",
                    agreement_of(score, score_packed(other, images, limit)));
  }
  if (arguments.has("explain")) explain(model, options, images, score);
  if (writes) {
    write_scores(out, model, images, score);
    print_note(fmt::format("{}: /images, /logits, /predictions, /labels", out.string()));
  }
  return 0;
}

}  // namespace

Command eval_command() {
  return {
      {.command = "eval",
       .summary = "Score a packed model on a dataset's test images.",
       .positionals = {{"FILE", "A packed model, or the record of a run (.h5)."}},
       .options = {{.name = "data",
                    .value = "DATA",
                    .help = "Whose test images (those of the data it was trained on): a "
                            "dataset's id, folder=PATH, npz=PATH or hdf5=PATH for your "
                            "own, a mapping as in a study, '{folder: PATH, test_share: "
                            "0.2}', or a YAML file that holds one."},
                   data_folder_option(),
                   {.name = "limit",
                    .value = "N",
                    .help = "The first N images, 0 for all (as many as "
                            "the record's run was scored on)."},
                   {.name = "batch",
                    .value = "N",
                    .help = "Images at a time (100, or all where there are fewer)."},
                   {.name = "threads", .value = "N", .help = "Threads (all cores)."},
                   {.name = "simulate",
                    .value = "",
                    .help = "Run every product in float, as in training."},
                   {.name = "requantize",
                    .value = "HOW",
                    .help = "Make codes of sums in one step with rounded biases: float, "
                            "as ONNX's qdq does, or gemmlowp, on integers alone."},
                   {.name = "explain",
                    .value = "",
                    .help =
                        "Compare with every product in float; of each prediction that "
                        "differs, say at which site codes first do, and why."},
                   {.name = "out",
                    .value = "FILE.h5",
                    .help = "Write /images as the network sees them, /logits, "
                            "/predictions and /labels."},
                   force_option()}},
      eval};
}

}  // namespace bitsweep
