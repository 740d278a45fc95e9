// Observed training: the bits of training that is not observed, and curves for the record.
#include <algorithm>
#include <bit>

#include <catch2/catch.hpp>

#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/results/record.h"
#include "methods/builtin_methods.h"
#include "tests/results/scratch_folder.h"
#include "tests/train/watched_layer.h"

namespace bitsweep {
namespace {

const Dataset& few_shapes() {
  static const Dataset data = load_dataset(
      {.id = "shapes", .validation = 20, .train_limit = 60, .test_limit = 10}, {});
  return data;
}

struct Trained {
  std::vector<float> parameters;
  Curves curves;
};

// Two epochs of three steps under a method's default parameters.
Trained trained(const std::string& method, const MethodRegistry& registry,
                bool observed) {
  const Dataset& data = few_shapes();
  const Preprocessing preprocessing({}, data.training);
  Network network(
      model({convolution("conv", 4, 5, {{"stride", word("2")}}), layer("relu", "relu"),
             layer("pool", "max_pool"), linear("fc", "classes")}),
      {.image = data.training.shape, .batch = 20});
  std::vector<ParamProblem> problems;
  const MethodSpec spec{method, registry.at(method).resolve({}, problems)};
  const auto made = attach_quantizers(
      network, spec, {.first = "method", .last = "method", .bias = "method"}, {},
      registry);
  network.build();
  TrainingSpec training;
  training.epochs = 2;
  training.batch_size = 20;
  const Batches validation(data.validation, preprocessing);
  Batches images(data.training, preprocessing, {}, RandomStream(1, "training"));
  QuantizerHealth health(network, [](const std::string&) {});
  Trainer trainer(network, images, &validation, training, {},
                  observed ? &health : nullptr);
  calibrate(network, Batches(data.training, preprocessing), 1, true);
  Trained result;
  trainer.train(1, false, result.curves);
  health.finish();
  for (const Parameter* parameter : network.parameters()) {
    const auto values = parameter->value.span();
    result.parameters.insert(result.parameters.end(), values.begin(), values.end());
  }
  return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

TEST_CASE("health's curves come back from a record as they were", "[health]") {
  Parameter step("fc/weight/step", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  tiny.set_weights({0.5f, 1, -0.5f, 0, 1.5f, -1, -1.5f, 0});  // an infinite SQNR
  tiny.health->begin();
  tiny.observe();
  tiny.set_weights({0.5f, 1, -0.5f, 0.1f, 1.7f, 2, -2, 0});
  tiny.observe();
  RunRecord record;
  record.curves = tiny.curves;
  const testing::ScratchFolder folder;
  write_record(record, folder / "run.h5");
  CHECK(read_record_summary(folder / "run.h5").curves == tiny.curves);
  CHECK(tiny.curves.contains("health/fc/weight/step_drift"));
}

TEST_CASE("under every method training gives the same bits, observed or not",
          "[health]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  for (const auto& method : registry.ids()) {
    CAPTURE(method);
    const Trained without = trained(method, registry, false);
    const Trained with = trained(method, registry, true);
    CHECK(same_bits(with.parameters, without.parameters));
    for (const auto& [name, values] : without.curves) {
      CAPTURE(name);
      CHECK(with.curves.at(name) == values);
    }
    for (const auto& [name, values] : with.curves) {
      CAPTURE(name);
      CHECK(values.size() == 2);
    }
    const bool has_health = with.curves.size() > without.curves.size();
    CHECK(has_health == (method != "float"));
  }
}

}  // namespace bitsweep
