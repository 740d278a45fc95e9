// A whole run by INQ, in this process: what its last stages leave behind.

#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "framework/app/run_experiment.h"
#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/train/trainer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

using namespace bitsweep;

namespace {

RunSpec inq_run() {
  RunSpec spec;
  spec.dataset = {.id = "shapes", .validation = 20, .train_limit = 60, .test_limit = 20};
  spec.network = model(
      {convolution("conv1", 4, 5, {{"stride", word("2")}}), layer("bn1", "batch_norm"),
       layer("relu1", "relu"), convolution("conv2", 6, 3, {{"stride", word("2")}}),
       layer("bn2", "batch_norm"), layer("relu2", "relu"), linear("fc", "classes")});
  spec.method.id = "inq";
  spec.start = "scratch";
  spec.training.epochs = 3;
  spec.training.batch_size = 20;
  spec.training.optimizer.learning_rate = 0.05;
  spec.seed = 3;
  return spec;
}

MethodRegistry all_methods() {
  MethodRegistry methods;
  register_builtin_methods(methods);
  return methods;
}

}  // namespace

TEST_CASE("inq ends with frozen weights and the statistics that belong to them",
          "[run]") {
  RunSpec spec = inq_run();
  const MethodRegistry methods = all_methods();
  std::vector<ParamProblem> problems;
  spec.method.params = methods.at("inq").resolve({}, problems);
  RunObserver silent;
  const RunRecord record = run_experiment(spec, {.methods = &methods}, silent);

  for (const float w : record.state.at("conv2/weight").values) {
    int exponent = 0;
    CHECK((w == 0 || std::fabs(std::frexp(w, &exponent)) == 0.5f));
  }

  // The same weights in a new network, and its statistics estimated on the same batches.
  const Dataset data = load_dataset(spec.dataset, {});
  const Preprocessing preprocessing(spec.training.preprocessing, data.training);
  Network network(spec.network, {.image = data.training.shape,
                                 .image_is_signed = !preprocessing.is_nonnegative(),
                                 .classes = data.classes,
                                 .batch = spec.training.batch_size,
                                 .seed = spec.seed});
  const auto method =
      attach_quantizers(network, spec.method, spec.edges, spec.sites, methods);
  network.build();
  for (StateTensor& tensor : network.state()) {
    const auto& values = record.state.at(tensor.name).values;
    const bool is_statistic = tensor.name.find("running") != std::string::npos;
    if (!is_statistic) std::copy(values.begin(), values.end(), tensor.values.begin());
  }
  Batches images(data.training, preprocessing, spec.training.augmentation,
                 RandomStream(std::uint64_t(spec.seed), "training"));
  images.begin_epoch(0);
  reestimate_normalisation(network, images, 100);
  for (const StateTensor& tensor : network.state()) {
    CAPTURE(tensor.name);
    const auto& expected = record.state.at(tensor.name).values;
    CHECK(std::equal(expected.begin(), expected.end(), tensor.values.begin()));
  }
}
