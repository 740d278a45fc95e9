// bitsweep bench train: how fast training steps are.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/method_words.h"
#include "framework/config/model_file.h"
#include "framework/core/counted.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + '"';
}

std::string json_text(const BenchOptions& options, const BenchResult& result) {
  return fmt::format(
      "{{\"model\": {}, \"method\": {}, \"batch\": {}, \"threads\": {}, "
      "\"steps\": {}, \"seconds\": {:.3f}, \"median_step_ms\": {:.4f}, "
      "\"fastest_step_ms\": {:.4f}, \"images_per_second\": {:.1f}, "
      "\"peak_memory_mb\": {:.1f}, \"engine\": {}, \"cpu\": {}}}\n",
      quoted(options.model.id), quoted(options.method.id), options.batch, options.threads,
      result.steps, result.seconds, result.median_step_ms, result.fastest_step_ms,
      result.images_per_second, result.peak_memory_mb, quoted(result.engine),
      quoted(result.cpu));
}

std::string plain_text(const BenchOptions& options, const BenchResult& result) {
  return fmt::format(
      "{} {}, batch {}, {}: {:.0f} images/s, {:.3f} ms a step (median of {}, "
      "fastest {:.3f} ms), peak memory {:.0f} MB, {}, {}\n",
      options.model.id, options.method.id, options.batch,
      counted(options.threads, "thread"), result.images_per_second, result.median_step_ms,
      result.steps, result.fastest_step_ms, result.peak_memory_mb, result.engine,
      result.cpu);
}

int bench(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  const auto& dataset = dataset_info(arguments.text("dataset", "fashion-mnist"));
  BenchOptions options{.model = load_model(arguments.text("model"), {}),
                       .image = dataset.shape,
                       .classes = dataset.classes,
                       .method = method_from_words(arguments.text("method", "float"),
                                                   arguments.all("set"), session.methods),
                       .batch = arguments.whole_number("batch", 100, 1),
                       .threads = arguments.whole_number("threads", 1, 1),
                       .seconds = arguments.positive_number("seconds", 5)};
  set_threads(options.threads);
  const auto result = session.pipeline.bench(options, session.methods);
  print_out(arguments.has("json") ? json_text(options, result)
                                  : plain_text(options, result));
  return 0;
}

}  // namespace

Command bench_train_command() {
  return {
      {.command = "bench train",
       .summary = "Measure the speed of training steps on random images.",
       .positionals = {},
       .options = {{.name = "model",
                    .value = "NAME",
                    .help = "A network; `bitsweep models` lists them.",
                    .required = true},
                   {.name = "dataset",
                    .value = "ID",
                    .help = "Whose image shape and classes to use (fashion-mnist)."},
                   {.name = "method",
                    .value = "ID",
                    .help = "A quantization method (float)."},
                   {.name = "set",
                    .value = "KEY=VALUE",
                    .help = "A parameter of the method.",
                    .repeated = true},
                   {.name = "batch", .value = "N", .help = "Images in a step (100)."},
                   {.name = "threads", .value = "N", .help = "Threads (1)."},
                   {.name = "seconds", .value = "S", .help = "How long to measure (5)."},
                   {.name = "json", .value = "", .help = "Print one line of JSON."},
                   plugin_option()}},
      bench};
}

}  // namespace bitsweep
