#include "framework/nn/network.h"

#include <catch2/catch.hpp>

#include "framework/config/model_file.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/memory.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

std::int64_t parameter_count(const std::string& id, ImageShape image) {
  Network network(load_model(id), {.image = image, .batch = 1});
  std::int64_t count = 0;
  for (const Parameter* p : network.parameters()) count += std::int64_t(p->size());
  return count;
}

}  // namespace

TEST_CASE("slices cover each image of a batch once", "[nn]") {
  const int batch = GENERATE(1, 2, 7, 8, 9, 64, 97, 100, 128, 1000);
  int next = 0;
  for (const Slice& slice : slice_batch(batch)) {
    CHECK(slice.begin == next);
    CHECK(slice.images > 0);
    next += slice.images;
  }
  CHECK(next == batch);
}

TEST_CASE("shipped models have the parameters their papers count", "[nn]") {
  CHECK(parameter_count("lenet", {28, 28, 1}) == 431080);
  CHECK(parameter_count("lenet-300-100", {28, 28, 1}) == 266610);
  CHECK(parameter_count("cifar10-full", {32, 32, 3}) == 89578);
  CHECK(parameter_count("resnet-20", {32, 32, 3}) == 269722);
  // Blocks of 9 in + in out weights and 2 (in + out) of normalisation.
  CHECK(parameter_count("mobilenet-cifar", {32, 32, 3}) == 543050);
  // Modules of in s + 10 s e weights and 2 (s + 2 e) of normalisation.
  CHECK(parameter_count("squeezenet-cifar", {32, 32, 3}) == 341962);
}

TEST_CASE("a ReLU behind a fork rectifies nothing for the other readers", "[nn]") {
  const auto signedness = [](std::vector<LayerSpec> body) {
    Network network(
        model({convolution("conv1", 4, 3, {{"pad", word("1")}}),
               layer("bn", "batch_norm"), layer("block", "residual", {}, std::move(body)),
               linear("fc", "classes")}),
        {.image = {8, 8, 3}, .classes = 5, .batch = 2});
    for (const auto& l : network.layers()) {
      if (l->name() == "bn") return l->output().is_signed;
    }
    return false;
  };
  CHECK(signedness(
      {layer("relu", "relu"), convolution("conv2", 4, 3, {{"pad", word("1")}})}));
}

TEST_CASE("a part of a batch scores as it does within the whole", "[nn]") {
  const int batch = GENERATE(1, 13, 97);
  Network network(residual_model(), {.image = {8, 8, 3}, .classes = 5, .batch = batch});
  network.build();
  const FixedBatch images(batch, {8, 8, 3}, 5);
  const BatchSource source = images.source();
  network.prepare_evaluation();
  std::vector<std::int32_t> all(std::size_t(batch), -1);
  network.evaluate(source, Loss::kCrossEntropy, batch, all);
  double whole_loss = 0;
  for (int images_done = 1; images_done <= batch; images_done += 3) {
    std::vector<std::int32_t> some(std::size_t(images_done), -1);
    const auto part = network.evaluate(source, Loss::kCrossEntropy, images_done, some);
    CHECK(std::equal(some.begin(), some.end(), all.begin()));
    CHECK(part.loss > whole_loss);  // each image adds a positive loss
    whole_loss = part.loss;
  }
}

TEST_CASE("windows have sides of their own", "[nn]") {
  Network network(
      model({layer("conv", "convolution",
                   {{"filters", word("4")},
                    {"kernel", words({"3", "1"})},
                    {"stride", words({"2", "1"})},
                    {"pad", words({"1", "0"})}}),
             layer("each", "depthwise",
                   {{"kernel", words({"1", "5"})}, {"pad", word("same")}}),
             layer("pool", "max_pool",
                   {{"kernel", words({"1", "2"})}, {"stride", words({"1", "2"})}}),
             linear("fc", "classes")}),
      {.image = {7, 6, 2}, .classes = 3});
  CHECK(network.layers()[0]->output().shape == ImageShape{4, 6, 4});
  CHECK(network.layers()[1]->output().shape == ImageShape{4, 6, 4});
  CHECK(network.layers()[2]->output().shape == ImageShape{4, 3, 4});
  CHECK(network.sites()[0]->site.shape == std::vector<int>{4, 3, 1, 2});
  CHECK(network.sites()[0]->site.fan_in == 6);
  CHECK(network.layers()[0]->multiplications() == 4 * 6 * 4 * 6);
}

TEST_CASE("the memory of training is estimated from shapes", "[nn][limits]") {
  // 3 inputs, 4 outputs, 12 weights; a ReLU in the same pass; then 4 to 2.
  Network network(model({linear("a", "4"), layer("r", "relu"), linear("b", "classes")}),
                  {.image = {1, 1, 3}, .classes = 2});
  TrainingSpec training;
  training.batch_size = 5;
  training.optimizer.id = "adam";
  const auto estimate = estimate_memory(network, training);
  CHECK(estimate.weights == 4 * 2 * (12 + 8));
  CHECK(estimate.optimizer == 4 * 2 * (12 + 8));
  CHECK(estimate.kept == 4 * 3 * (12 + 8));
  CHECK(estimate.activations >= 4 * 2 * 5 * (4 + 2));
  CHECK(estimate.activations <= 4 * 2 * 5 * (4 + 4 + 2));
  training.distillation.emplace();
  const auto with_teacher = estimate_memory(network, training);
  CHECK(with_teacher.total() - estimate.total() ==
        estimate.weights + estimate.activations);
}

TEST_CASE("initialisers keep to their bounds and variances", "[nn]") {
  std::vector<float> weights(20000);
  const auto variance = [&](const std::string& name) {
    initialise(name, 0.1, 50, 30, RandomStream(3, name), weights);
    double sum = 0;
    for (const float w : weights) sum += double(w) * w;
    return sum / double(weights.size());
  };
  // Sample variances of 20 000 values: within 3 % of theirs.
  CHECK(variance("xavier") == Approx(1.0 / 50).epsilon(0.03));
  CHECK(variance("glorot") == Approx(2.0 / 80).epsilon(0.03));
  CHECK(variance("he") == Approx(2.0 / 50).epsilon(0.03));
  CHECK(variance("gaussian") == Approx(0.01).epsilon(0.03));
  CHECK(variance("uniform") == Approx(0.01 / 3).epsilon(0.03));
  CHECK(*std::max_element(weights.begin(), weights.end()) <= 0.1f);
}

}  // namespace bitsweep
