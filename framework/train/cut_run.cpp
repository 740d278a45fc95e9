#include "framework/train/cut_run.h"

#include <utility>

#include "framework/train/trainer.h"

namespace bitsweep {
namespace {

LayerSpec layer_to_cut(const std::string& name, const std::string& kind,
                       const std::map<std::string, std::string>& words = {}) {
  LayerSpec layer{.name = name, .kind = kind, .params = {}, .body = {}, .place = {}};
  for (const auto& [key, text] : words) layer.params[key] = RawValue::scalar(text);
  return layer;
}

// Thrown where a run is cut.
struct Cut {};

class Cutter final : public TrainingObserver {
 public:
  explicit Cutter(int batches) : left_(batches) {}
  bool may_want_state() const override { return left_ > 0; }
  bool wants_state() override { return --left_ == 0; }
  void take_state(const ShowState& state) override {
    StateReader reader(taken);
    state(reader);
    throw Cut{};
  }

  SavedState taken;

 private:
  int left_;  // 0: it is never cut
};

Network network_of(const RunSpec& run, const Dataset& data) {
  return {run.network,
          {.image = data.training.shape,
           .classes = data.classes,
           .batch = run.training.batch_size,
           .seed = run.seed,
           .engine = EngineKind::kReference}};  // small networks are built at once there
}

MethodList attached_and_built(Network& network, const RunSpec& run,
                              const MethodRegistry& registry) {
  auto methods = attach_quantizers(network, run.method, run.edges, run.sites, registry);
  network.build();
  return methods;
}

}  // namespace

RunSpec run_to_cut(const MethodSpec& method) {
  RunSpec run;
  run.dataset = {.id = "shapes", .validation = 12, .train_limit = 50, .test_limit = 10};
  run.network.id = "small";
  run.network.layers = {
      layer_to_cut("conv", "convolution",
                   {{"filters", "4"}, {"kernel", "5"}, {"stride", "4"}, {"init", "he"}}),
      layer_to_cut("bn", "batch_norm"),
      layer_to_cut("relu", "relu"),
      layer_to_cut("fc1", "linear", {{"outputs", "12"}}),
      layer_to_cut("relu2", "relu"),
      layer_to_cut("fc2", "linear", {{"outputs", "classes"}})};
  run.training.epochs = 2;
  run.training.batch_size = 10;
  run.training.augmentation = {.pad = 2, .flip = true};
  run.training.schedule = {.id = "cosine"};
  run.method = method;
  run.edges = {.first = "method", .last = "method", .bias = "float"};
  run.start = "scratch";
  run.calibration_batches = 2;
  run.fine_tuning = run.training;
  return run;
}

const Dataset& data_to_cut() {
  static const Dataset data = load_dataset(run_to_cut({}).dataset, {});
  return data;
}

RunProcess::RunProcess(const RunSpec& run, const Dataset& its_data,
                       const MethodRegistry& registry, TrainingObserver& observer)
    : data(its_data),
      preprocessing(run.training.preprocessing, data.training),
      network(network_of(run, data)),
      methods(attached_and_built(network, run, registry)),
      training(run, data, preprocessing, network, methods, observer,
               /*with_health=*/true) {}

SavedState RunProcess::end() {
  network.prepare_evaluation();
  evaluate(network, Batches(data.test, preprocessing), Loss::kCrossEntropy);
  training.finish_health();
  return training.state();
}

CutRun train_in_pieces(const RunSpec& run, const Dataset& data,
                       const MethodRegistry& registry, int batches) {
  CutRun result;
  for (;;) {
    Cutter cutter(batches);
    RunProcess process(run, data, registry, cutter);
    if (result.cuts > 0) process.training.set_state(result.state);
    try {
      process.training.run();
      result.state = process.end();
      return result;
    } catch (const Cut&) {
      ++result.cuts;
      // A stage that begins again wants more batches to be over.
      if (is_same(cutter.taken, result.state)) ++batches;
      result.state = std::move(cutter.taken);
    }
  }
}

}  // namespace bitsweep
