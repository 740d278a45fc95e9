#include "framework/train/trainer.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

const Dataset& trained_shapes() {
  static const Dataset data = load_dataset(
      {.id = "shapes", .validation = 500, .train_limit = 1000, .test_limit = 130}, {});
  return data;
}

ModelSpec small_model() {
  return model({convolution("conv", 8, 5, {{"stride", word("2")}}),
                layer("bn", "batch_norm"), layer("relu", "relu"),
                layer("pool", "max_pool"), linear("fc", "classes")});
}

struct Run {
  Preprocessing preprocessing{{}, trained_shapes().training};
  Network network;
  Batches images;
  Curves curves;

  explicit Run(std::int64_t seed)
      : network(small_model(), {.image = trained_shapes().training.shape,
                                .batch = 50,
                                .seed = seed,
                                .engine = EngineKind::kReference}),
        images(trained_shapes().training, preprocessing, {},
               RandomStream(std::uint64_t(seed), "training")) {
    network.build();
  }

  std::vector<float> weights() {
    std::vector<float> all;
    for (const Parameter* p : network.parameters()) {
      all.insert(all.end(), p->value.span().begin(), p->value.span().end());
    }
    return all;
  }

  void train(const TrainingSpec& spec) {
    const Batches validation(trained_shapes().validation, preprocessing);
    Trainer(network, images, &validation, spec, {}).train(1, false, curves);
  }
};

TrainingSpec two_epochs() {
  TrainingSpec spec;
  spec.epochs = 2;
  spec.batch_size = 50;
  spec.optimizer.learning_rate = 0.01;
  return spec;
}

}  // namespace

TEST_CASE("training learns, and keeps a value of each curve an epoch", "[train]") {
  Run run(1);
  run.train(two_epochs());
  REQUIRE(run.curves.at("train/loss").size() == 2);
  CHECK(run.curves.at("train/loss")[1] < run.curves.at("train/loss")[0]);
  CHECK(run.curves.at("validation/accuracy").size() == 2);
  CHECK(run.curves.at("validation/accuracy")[1] > 0.5);  // chance is 0.1
}

TEST_CASE("a seed decides every bit, whatever the number of threads", "[train]") {
  const auto trained = [](std::int64_t seed, int thread_count) {
    set_threads(thread_count);
    Run run(seed);
    run.train(two_epochs());
    set_threads(2);
    return run.weights();
  };
  const auto first = trained(1, 1);
  CHECK(trained(1, 2) == first);
  CHECK(trained(2, 2) != first);
}

TEST_CASE("training in two shares is training in one", "[train]") {
  Run whole(1), parts(1);
  whole.train(two_epochs());
  Trainer trainer(parts.network, parts.images, nullptr, two_epochs(), {});
  trainer.train(0.5, false, parts.curves);
  trainer.train(0.5, false, parts.curves);
  CHECK(parts.weights() == whole.weights());
}

TEST_CASE("steps are iterations, or epochs of whole batches", "[train]") {
  TrainingSpec spec = two_epochs();
  CHECK(Trainer::steps_of(spec, 1040) == 40);
  spec.epochs = 0.5;
  CHECK(Trainer::steps_of(spec, 1040) == 10);
  spec.iterations = 7;
  CHECK(Trainer::steps_of(spec, 1040) == 7);
}

TEST_CASE("a loss that is no number ends the run with its place", "[train]") {
  Run run(1);
  TrainingSpec spec = two_epochs();
  spec.optimizer.learning_rate = 1e30;
  CHECK_THROWS_AS(run.train(spec), RunError);
  Run again(1);
  CHECK_THROWS_WITH(again.train(spec), Contains("epoch 1, batch") && Contains("1e+30"));
}

TEST_CASE("a split that is no multiple of the batch counts each image once", "[train]") {
  Run run(1);
  run.network.prepare_evaluation();
  const Batches test(trained_shapes().test, run.preprocessing);
  std::vector<std::int32_t> predictions;
  const Score score = evaluate(run.network, test, Loss::kCrossEntropy, &predictions);
  REQUIRE(predictions.size() == 130);
  int correct = 0;
  for (std::size_t i = 0; i < 130; ++i)
    correct += predictions[i] == trained_shapes().test.labels[i];
  CHECK(score.accuracy == Approx(correct / 130.0));
}

TEST_CASE("training follows a teacher, on the images of the step", "[train]") {
  TrainingSpec spec = two_epochs();
  Run teacher(1);
  teacher.train(spec);
  teacher.network.prepare_evaluation();
  spec.distillation.emplace();
  const auto follow = [&](Run& student) {
    Trainer(student.network, student.images, nullptr, spec, {}, nullptr, {},
            &teacher.network)
        .train(1, 0, student.curves);
    return student.curves.at("train/loss");
  };
  Run student(2), alone(2);
  const auto before = teacher.weights();
  const auto losses = follow(student);
  CHECK(teacher.weights() == before);
  CHECK(losses[1] < losses[0] / 2);
  // It learns to answer as the teacher does, more than labels teach it.
  alone.train(two_epochs());
  const auto answers = [](Run& run) {
    run.network.prepare_evaluation();
    std::vector<std::int32_t> classes;
    evaluate(run.network, Batches(trained_shapes().validation, run.preprocessing),
             Loss::kCrossEntropy, &classes);
    return classes;
  };
  const auto own = answers(student), others = answers(alone),
             of_teacher = answers(teacher);
  std::size_t same = 0, same_alone = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    same += own[i] == of_teacher[i];
    same_alone += others[i] == of_teacher[i];
  }
  CHECK(same > same_alone);
}

}  // namespace bitsweep
