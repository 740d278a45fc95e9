// Images a second of packed models against the float model of the same network, both by
// the executor, by turns in one run; `affine` of 16-bit activations against the same model
// with its products in float. Weights are drawn, not trained: speed does not
// depend on them. Seconds are the processor's, divided by the threads: what others run
// beside it takes no time of these, though it takes their caches.
//   bench_packed [part of a name] [threads] [seconds] [packed: leaves out the float
//   model]

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "framework/config/model_file.h"
#include "framework/core/parallel.h"
#include "framework/core/random.h"
#include "framework/nn/attachment.h"
#include "framework/pack/executor.h"
#include "framework/schema/schema.h"
#include "methods/builtin_methods.h"

namespace {

using namespace bitsweep;

// Of all threads of this process together.
double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

constexpr int kBatch = 100;

struct Case {
  const char* model;
  ImageShape image;
  const char* method;
  std::vector<std::pair<const char*, const char*>> params;
  EdgesSpec edges;
  bool beside_itself = false;  // against its own products in float, not the float model
};

std::vector<Case> cases() {
  const EdgesSpec all{.first = "8", .last = "8", .image = "8"};
  const std::vector<std::pair<const char*, const char*>> eight = {
      {"weight_bits", "8"}, {"activation_bits", "8"}};
  std::vector<Case> list;
  for (const char* model : {"cifar10-full", "resnet-20"}) {
    list.push_back({model, {32, 32, 3}, "lsq", eight, all});
    list.push_back({model, {32, 32, 3}, "dynamic_fixed_point", eight, all});
  }
  const std::vector<std::pair<const char*, const char*>> sixteen = {
      {"activation_bits", "16"},          {"activation_scheme", "symmetric"},
      {"activation_codes", "restricted"}, {"activation_range", "max_abs"},
      {"rounding", "half_away"},          {"order", "tensorflow"}};
  const EdgesSpec method{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  for (const char* model : {"cifar10-full", "resnet-20"}) {
    list.push_back({model, {32, 32, 3}, "affine", sixteen, method, true});
  }
  list.push_back({"lenet-sign", {28, 28, 1}, "bnn", {}, {}});
  return list;
}

class Images {
 public:
  explicit Images(ImageShape shape) : values_(kBatch * shape.elements()) {
    const RandomStream random(7, "images");
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i] = float(random.normal_at(std::uint32_t(i)));
    }
  }
  BatchSource source() const {
    return {.load =
                [this](int index, std::span<float> image) {
                  std::copy_n(values_.data() + std::size_t(index) * image.size(),
                              image.size(), image.data());
                },
            .label = [](int index) { return index % 10; }};
  }

 private:
  std::vector<float> values_;
};

PackedModel packed(const Case& c, const Images& images, const MethodRegistry& methods) {
  Network network(load_model(c.model),
                  {.image = c.image, .classes = 10, .batch = kBatch});
  RawParams raw;
  for (const auto& [name, value] : c.params) raw[name] = RawValue::scalar(value);
  std::vector<ParamProblem> problems;
  attach_quantizers(
      network, {.id = c.method, .params = methods.at(c.method).resolve(raw, problems)},
      c.edges, {}, methods);
  network.build();
  network.calibrate_weights();
  network.calibrate_activations(images.source(), true);
  network.finish_calibration();
  network.train_step(images.source(), Loss::kCrossEntropy, 0);
  network.prepare_evaluation();
  const std::vector<float> ones(c.image.elements(), 1), zeros(c.image.elements(), 0);
  return pack_model(network, {c.image, ones, zeros}, c.model, "random");
}

// The median of rounds of a tenth of a second.
class Timed {
 public:
  Timed(std::string name, const PackedModel& model, const Images& images, bool integer)
      : name_(std::move(name)), executor_(model, {.batch = kBatch, .integer = integer}) {
    for (int i = 0; i < kBatch; ++i) images.source().load(i, executor_.image(i));
    executor_.run(kBatch);
  }
  void round() {
    int runs = 0;
    const double begin = processor_seconds();
    double seconds = 0;
    while (seconds < 0.1) {
      executor_.run(kBatch);
      ++runs;
      seconds = (processor_seconds() - begin) / threads();
    }
    rounds_.push_back(runs * kBatch / seconds);
  }
  const std::string& name() const { return name_; }
  double median() {
    if (rounds_.empty()) return 0;
    const auto middle = rounds_.begin() + std::ptrdiff_t(rounds_.size() / 2);
    std::nth_element(rounds_.begin(), middle, rounds_.end());
    return *middle;
  }
  const Executor& executor() const { return executor_; }

 private:
  std::string name_;
  Executor executor_;
  std::vector<double> rounds_;
};

void bench(const Case& c, double seconds, bool floats_too,
           const MethodRegistry& methods) {
  const Images images(c.image);
  const PackedModel own = packed(c, images, methods);
  const PackedModel floats =
      c.beside_itself ? own
                      : packed({c.model, c.image, "float", {}, {}}, images, methods);
  Timed base("float", floats, images, false), codes(c.method, own, images, true);
  const double begin = processor_seconds();
  while (processor_seconds() - begin < seconds * threads()) {
    if (floats_too) base.round();
    codes.round();
  }
  const double before = base.median(), after = codes.median();
  fmt::print("{:<14} {:<20} {:>8} {:>10.0f} {:>10.0f} {:>6.2f}\n", c.model, c.method,
             threads(), before, after, after / before);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string filter = argc > 1 ? argv[1] : "";
  const int only = argc > 2 ? std::atoi(argv[2]) : 0;
  const double seconds = argc > 3 ? std::atof(argv[3]) : 4;
  const bool floats_too = argc <= 4;
  MethodRegistry methods;
  register_builtin_methods(methods);
  fmt::print("images/s, batches of {}, {}\n{:<14} {:<20} {:>8} {:>10} {:>10} {:>6}\n",
             kBatch, engine_name(selected_engine()), "network", "method", "threads",
             "float", "packed", "ratio");
  for (const int count : {1, 2}) {
    if (only != 0 && only != count) continue;
    set_threads(count);
    for (const Case& c : cases()) {
      if (fmt::format("{} {}", c.model, c.method).find(filter) != std::string::npos) {
        bench(c, seconds, floats_too, methods);
      }
    }
  }
}
