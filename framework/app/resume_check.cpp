#include "framework/app/resume_check.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/train/staged_training.h"

namespace bitsweep {
namespace {

LayerSpec check_layer(const std::string& name, const std::string& kind,
                      const std::map<std::string, std::string>& words = {}) {
  LayerSpec layer{.name = name, .kind = kind, .params = {}, .body = {}, .place = {}};
  for (const auto& [key, text] : words) layer.params[key] = RawValue::scalar(text);
  return layer;
}

// Batch normalisation, shuffling, augmentation, momentum; five steps an epoch.
RunSpec check_spec(const MethodSpec& method) {
  RunSpec run;
  run.dataset = {.id = "shapes", .validation = 12, .train_limit = 50, .test_limit = 10};
  run.network.id = "check";
  run.network.layers = {
      check_layer("conv", "convolution",
                  {{"filters", "4"}, {"kernel", "5"}, {"stride", "4"}, {"init", "he"}}),
      check_layer("bn", "batch_norm"),
      check_layer("relu", "relu"),
      check_layer("fc1", "linear", {{"outputs", "12"}}),
      check_layer("relu2", "relu"),
      check_layer("fc2", "linear", {{"outputs", "classes"}})};
  run.training.epochs = 2;
  run.training.batch_size = 10;
  run.training.augmentation = {.pad = 2, .flip = true};
  run.method = method;
  run.edges = {.first = "method", .last = "method", .bias = "float"};
  run.start = "scratch";
  run.calibration_batches = 2;
  run.fine_tuning = run.training;
  return run;
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

/// All that a process has of a run.
class Trainee {
 public:
  Trainee(const RunSpec& spec, const Dataset& data, const MethodRegistry& methods,
          TrainingObserver& observer)
      : preprocessing_(spec.training.preprocessing, data.training),
        network_(spec.network, {.image = data.training.shape,
                                .classes = data.classes,
                                .batch = spec.training.batch_size,
                                .seed = spec.seed,
                                .engine = EngineKind::kReference}),  // at once there
        methods_(
            attach_quantizers(network_, spec.method, spec.edges, spec.sites, methods)) {
    network_.build();
    training_.emplace(spec, data, preprocessing_, network_, methods_, observer,
                      /*with_health=*/true);
  }

  StagedTraining& training() { return *training_; }

 private:
  Preprocessing preprocessing_;
  Network network_;
  MethodList methods_;
  std::optional<StagedTraining> training_;
};

// Bits, not numbers: a NaN is itself.
bool is_same(const StateValue& a, const StateValue& b) {
  const auto same_list = [&]<class T>(const std::vector<T>& list) {
    const auto* other = std::get_if<std::vector<T>>(&b);
    if (other == nullptr || other->size() != list.size()) return false;
    if constexpr (std::is_arithmetic_v<T>) {
      return list.empty() ||
             std::memcmp(list.data(), other->data(), list.size() * sizeof(T)) == 0;
    } else {
      return list == *other;
    }
  };
  return std::visit(same_list, a);
}

bool is_same(const SavedState& a, const SavedState& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && is_same(x.second, y.second);
                    });
}

struct Trained {
  SavedState state;
  int cuts = 0;
};

Trained train_in_pieces(const RunSpec& spec, const Dataset& data,
                        const MethodRegistry& methods, int batches) {
  Trained result;
  for (;;) {
    Cutter cutter(batches);
    Trainee trainee(spec, data, methods, cutter);
    if (result.cuts > 0) trainee.training().set_state(result.state);
    try {
      trainee.training().run();
      result.state = trainee.training().state();
      return result;
    } catch (const Cut&) {
      ++result.cuts;
      // A stage that begins again wants more batches to be over.
      if (is_same(cutter.taken, result.state)) ++batches;
      result.state = std::move(cutter.taken);
    }
  }
}

std::string list_difference(const std::vector<float>& got,
                            const std::vector<float>& wanted) {
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    if (std::memcmp(&got[i], &wanted[i], sizeof(float)) == 0) continue;
    return fmt::format("value {} is {}, undisturbed {}", i, got[i], wanted[i]);
  }
  return got.size() == wanted.size()
             ? ""
             : fmt::format("has {} values, undisturbed {}", got.size(), wanted.size());
}

// What the network and its sites come to; curves of health may hold NaN.
std::string trained_difference(const SavedState& got, const SavedState& wanted) {
  for (const auto& [name, value] : wanted) {
    const auto* list = std::get_if<std::vector<float>>(&value);
    const auto found = got.find(name);
    if (list == nullptr) continue;
    const auto* own =
        found == got.end() ? nullptr : std::get_if<std::vector<float>>(&found->second);
    const auto how =
        own == nullptr ? std::string("is missing") : list_difference(*own, *list);
    if (!how.empty()) return fmt::format("'{}': {}", name, how);
  }
  return "";
}

}  // namespace

CheckResult check_resume(const MethodSpec& method, const MethodRegistry& methods) {
  constexpr int kBatches = 3;
  CheckResult result{
      .name = "resume",
      .promise =
          "a run that is cut and continued from its checkpoints ends as the "
          "undisturbed one",
      .asked_of = "run"};
  const RunSpec spec = check_spec(method);
  static const Dataset data = load_dataset(spec.dataset, {});  // of all methods alike
  std::string found;
  try {
    const Trained whole = train_in_pieces(spec, data, methods, 0);
    const Trained pieces = train_in_pieces(spec, data, methods, kBatches);
    found = trained_difference(pieces.state, whole.state);
  } catch (const ConfigError&) {
    return result;
  } catch (const RunError& error) {  // the state is not one of this run's
    found = error.what();
  }
  result.asked = 1;
  if (found.empty()) return result;
  result.broken = 1;
  result.example = fmt::format(
      "cut every {} batches, {}; visit_state is to show every member that calibration, "
      "stages or training change",
      kBatches, found);
  return result;
}

}  // namespace bitsweep
