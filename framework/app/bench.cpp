#include "framework/app/bench.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "framework/core/parallel.h"
#include "framework/core/random.h"
#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/results/record.h"
#include "framework/train/optimizer.h"

namespace bitsweep {
namespace {

double seconds_now() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// Normal values, as images behind a normalisation are; labels by turns.
class RandomImages {
 public:
  RandomImages(int count, ImageShape shape, int classes)
      : images_(std::size_t(count) * shape.elements()), classes_(classes) {
    const RandomStream random(1, "benchmark images");
    for (std::size_t i = 0; i < images_.size(); ++i) {
      images_[i] = float(random.normal_at(std::uint32_t(i)));
    }
  }
  BatchSource source() const {
    return {.load =
                [this](int index, std::span<float> image) {
                  std::copy_n(images_.data() + std::size_t(index) * image.size(),
                              image.size(), image.data());
                },
            .label = [this](int index) { return index % classes_; }};
  }

 private:
  Buffer images_;
  int classes_;
};

}  // namespace

BenchResult bench_train(const BenchOptions& options, const MethodRegistry& methods) {
  set_threads(options.threads);
  Network network(
      options.model,
      {.image = options.image, .classes = options.classes, .batch = options.batch});
  attach_quantizers(network, options.method, options.edges, {}, methods);
  network.build();
  const RandomImages images(options.batch, options.image, options.classes);
  const BatchSource source = images.source();
  network.calibrate_weights();
  network.calibrate_activations(source, true);
  network.finish_calibration();

  OptimizerSpec sgd;
  sgd.learning_rate = 1e-3;
  sgd.weight_decay = 1e-4;
  Optimizer optimizer(sgd, {}, network.parameters());
  std::int64_t step = 0;
  const auto run_step = [&] {
    network.train_step(source, Loss::kCrossEntropy, step);
    optimizer.step(sgd.learning_rate, step++);
  };
  constexpr int kWarmUp = 3;
  for (int i = 0; i < kWarmUp; ++i) run_step();

  std::vector<double> times;
  const double begin = seconds_now();
  double now = begin;
  do {
    run_step();
    const double end = seconds_now();
    times.push_back(end - now);
    now = end;
  } while (now - begin < options.seconds);

  std::sort(times.begin(), times.end());
  const Provenance provenance = current_provenance();
  BenchResult result;
  result.steps = std::int64_t(times.size());
  result.seconds = now - begin;
  result.fastest_step_ms = 1000 * times.front();
  result.median_step_ms = 1000 * times[times.size() / 2];
  result.images_per_second = double(result.steps) * options.batch / result.seconds;
  result.peak_memory_mb = provenance.peak_memory_mb;
  result.engine = engine_name(selected_engine());
  result.cpu = provenance.cpu;
  return result;
}

}  // namespace bitsweep
