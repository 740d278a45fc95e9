// Whole networks against PyTorch, where there is one: this side trains some steps and
// writes what it began with, its first gradients and what it ended with;
// train_with_torch.py builds the network from its layers, trains it and compares.

#include <cmath>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/config/model_file.h"
#include "framework/nn/attachment.h"
#include "framework/train/optimizer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"
#include "tests/torch_comparison.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = testing::file_for_torch("torch_networks");
constexpr int kSteps = 3;
constexpr int kTorchBatch = 6;

struct Training {
  std::string name;
  ModelSpec model;
  ImageShape image = {28, 28, 1};
  OptimizerSpec optimizer = {};
  Loss loss = Loss::kCrossEntropy;
  EngineKind engine = EngineKind::kOneDnn;
  MethodSpec method = {};
  bool frozen = false;  // batch normalisation
  bool has_integer_biases = false;
};

std::string json_of(const RawParams& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    text += fmt::format("{}\"{}\": \"{}\"", text.empty() ? "" : ", ", name, value.text());
  }
  return "{" + text + "}";
}

std::string json_of(const std::vector<LayerSpec>& layers) {
  std::string text;
  for (const auto& spec : layers) {
    text += fmt::format(
        "{}{{\"name\": \"{}\", \"kind\": \"{}\", \"params\": {}, \"body\": {}}}",
        text.empty() ? "" : ", ", spec.name, spec.kind, json_of(spec.params),
        json_of(spec.body));
  }
  return "[" + text + "]";
}

// Tensors one behind the other in a file, and their names and shapes for the JSON.
class TensorFile {
 public:
  explicit TensorFile(const fs::path& path) : file_(path, std::ios::binary) {}
  void add(const std::string& name, std::span<const float> values,
           const std::vector<std::int64_t>& shape) {
    file_.write(reinterpret_cast<const char*>(values.data()),
                std::streamsize(values.size_bytes()));
    list_ += fmt::format("{}[\"{}\", [{}]]", list_.empty() ? "" : ", ", name,
                         fmt::join(shape, ", "));
  }
  std::string list() const { return "[" + list_ + "]"; }

 private:
  std::ofstream file_;
  std::string list_;
};

void add_state(TensorFile& file, const std::string& prefix, Network& network) {
  for (const StateTensor& tensor : network.state()) {
    file.add(prefix + tensor.name, tensor.values, tensor.shape);
  }
}

// Running statistics and shifts as of a trained network: with those of a new one sums of
// codes that are exactly 0 stand at the bend of a ReLU, and some gradients are 0 but for
// rounding.
void fill_statistics(Network& network) {
  const RandomStream random(5, "statistics");
  std::uint32_t draw = 0;
  for (StateTensor& tensor : network.state()) {
    const bool is_variance = tensor.name.ends_with("/running_variance");
    const bool is_place =
        tensor.name.ends_with("/running_mean") || tensor.name.ends_with("/shift");
    if (!is_variance && !is_place) continue;
    for (float& v : tensor.values) {
      const float z = float(random.normal_at(draw++));
      v = is_variance ? 1 + 0.5f * std::tanh(z) : 0.2f * z;
    }
  }
}

void save(const Training& training) {
  constexpr int kClasses = 10;
  Network network(training.model, {.image = training.image,
                                   .classes = kClasses,
                                   .batch = kTorchBatch,
                                   .seed = 6,
                                   .engine = training.engine});
  MethodRegistry methods;
  register_builtin_methods(methods);
  std::vector<ParamProblem> problems;
  MethodSpec method = training.method;
  method.params = methods.at(method.id).resolve(method.params, problems);
  EdgesSpec edges;
  if (training.has_integer_biases) edges.bias = "method";
  attach_quantizers(network, method, edges, {}, methods);
  network.build();
  if (training.method.id == "int8_training") fill_statistics(network);
  if (training.frozen) network.freeze_normalisation();

  const FixedBatch images(kTorchBatch, training.image, kClasses, /*seed=*/7);
  const BatchSource source = images.source();
  TensorFile file(kFolder / (training.name + ".f32"));
  std::vector<float> x(kTorchBatch * training.image.elements());
  std::vector<float> labels(kTorchBatch);
  for (int i = 0; i < kTorchBatch; ++i) {
    source.load(i, std::span(x).subspan(std::size_t(i) * training.image.elements(),
                                        training.image.elements()));
    labels[std::size_t(i)] = float(source.label(i));
  }
  file.add("images", x,
           {kTorchBatch, training.image.height, training.image.width,
            training.image.channels});
  file.add("labels", labels, {kTorchBatch});
  add_state(file, "before/", network);

  Optimizer optimizer(training.optimizer, {{"*/bias", 2, 0, {}}}, network.parameters());
  for (int step = 0; step < kSteps; ++step) {
    network.train_step(source, training.loss, step);
    if (step == 0) {
      file.add("logits", network.logits(), {kTorchBatch, kClasses});
      for (const Parameter* p : network.parameters()) {
        file.add("gradient/" + p->name, p->gradient.span(),
                 {std::int64_t(p->gradient.size())});
      }
    }
    optimizer.step(training.optimizer.learning_rate, step);
  }
  add_state(file, "after/", network);
  if (training.has_integer_biases) network.fold_normalisation();  // they are its own now
  network.prepare_evaluation();
  network.evaluate(source, training.loss, kTorchBatch, {});
  file.add("evaluated", network.logits(), {kTorchBatch, kClasses});

  const OptimizerSpec& o = training.optimizer;
  std::ofstream(kFolder / (training.name + ".json")) << fmt::format(
      "{{\"layers\": {}, \"tensors\": {}, \"steps\": {}, \"loss\": \"{}\", "
      "\"method\": \"{}\", \"params\": {}, \"frozen\": {}, \"integer_biases\": {}, "
      "\"optimizer\": {{\"id\": \"{}\", \"rate\": {}, "
      "\"momentum\": {}, \"nesterov\": {}, \"decay\": {}, \"form\": \"{}\"}}}}",
      json_of(training.model.layers), file.list(), kSteps,
      training.loss == Loss::kCrossEntropy ? "cross_entropy" : "squared_hinge", method.id,
      json_of(method.params), training.frozen, training.has_integer_biases, o.id,
      o.learning_rate, o.momentum, o.nesterov, o.weight_decay, o.form);
}

LayerSpec pool(const std::string& name, const char* kind, const char* rounding) {
  return layer(
      name, kind,
      {{"kernel", word("3")}, {"stride", word("2")}, {"rounding", word(rounding)}});
}

// Every kind of layer but dropout, whose draws are our own.
ModelSpec all_layers() {
  return model(
      {convolution("conv1", 8, 3, {{"pad", word("1")}}),
       pool("pool1", "max_pool", "ceil"),
       layer("lrn1", "lrn", {{"size", word("3")}, {"alpha", word("0.3")}}),
       convolution("conv2", 8, 3, {{"groups", word("2")}, {"stride", word("2")}}),
       layer("tanh1", "hard_tanh"),
       layer("lrn2", "lrn",
             {{"region", word("within")}, {"size", word("3")}, {"alpha", word("0.5")}}),
       layer("block1", "residual", {{"shortcut", word("identity")}},
             {convolution("conv3", 8, 3, {{"pad", word("1")}, {"bias", word("false")}}),
              layer("bn3", "batch_norm")}),
       layer("relu1", "relu"),
       layer("block2", "residual", {{"shortcut", word("projected")}},
             {convolution("conv4", 12, 3, {{"pad", word("1")}, {"stride", word("2")}})}),
       layer("block3", "residual", {{"shortcut", word("padded")}},
             {convolution("conv5", 16, 3, {{"pad", word("1")}, {"bias", word("false")}}),
              layer("bn5", "batch_norm"), layer("relu5", "relu")}),
       pool("pool2", "average_pool", "floor"), layer("flat", "flatten"),
       linear("fc1", "20"), layer("relu2", "relu"), linear("fc2", "classes")});
}

// For quantizers: a value within a rounding error of the border between two levels goes
// one way here and the other there, both right, so there should be few values. ResNet-20
// has small images for the same reason: a value at its ReLU's bend.
ModelSpec few_values() {
  return model(
      {convolution("conv1", 8, 3, {{"pad", word("1")}, {"bias", word("false")}}),
       layer("bn1", "batch_norm"), layer("relu1", "relu"),
       pool("pool1", "max_pool", "floor"),
       convolution("conv2", 8, 3, {{"pad", word("1")}, {"bias", word("false")}}),
       layer("bn2", "batch_norm"), layer("relu2", "relu"), layer("flat", "flatten"),
       layer("fc1", "linear", {{"outputs", word("24")}, {"bias", word("false")}}),
       layer("bn3", "batch_norm"), layer("relu3", "relu"), linear("fc2", "classes")});
}

// Weights of deviation 1, so that many values are above 6.
ModelSpec clipped_depthwise() {
  const auto wide = [](RawParams params) {
    params["init"] = word("gaussian");
    params["init_std"] = word("1");
    return params;
  };
  return model(
      {convolution("conv1", 6, 3, wide({})), layer("relu1", "relu6"),
       layer(
           "each", "depthwise",
           wide({{"multiplier", word("2")}, {"stride", word("2")}, {"pad", word("1")}})),
       layer("relu2", "relu6"), linear("fc", "classes")});
}

// Two convolutions read what bn1 gives.
ModelSpec shared_inputs() {
  const RawParams window{
      {"pad", word("1")}, {"stride", word("2")}, {"bias", word("false")}};
  return model({convolution("conv1", 6, 3, {{"pad", word("1")}, {"bias", word("false")}}),
                layer("bn1", "batch_norm"), layer("relu1", "relu"),
                layer("block", "residual", {{"shortcut", word("projected")}},
                      {convolution("conv2", 8, 3, window), layer("bn2", "batch_norm")}),
                layer("relu2", "relu"), layer("pool", "global_average_pool"),
                linear("fc", "classes")});
}

MethodSpec method(const std::string& id, const char* weights, const char* activations) {
  MethodSpec spec{id, {{"weight_bits", word(weights)}}};
  if (activations != nullptr) spec.params["activation_bits"] = word(activations);
  return spec;
}

// Depthwise separable, with a block around an identity; normalisation behind biases and
// without them.
Training folded(const std::string& name, const char* weights, const char* activations,
                bool frozen = false) {
  Training training{.name = name, .model = mobile_model(), .image = {10, 10, 3}};
  training.optimizer = {
      .learning_rate = 0.05, .momentum = 0.9, .form = "modern", .weight_decay = 0.01};
  training.method = method("int8_training", weights, activations);
  training.method.params["momentum"] = word("0.75");
  training.frozen = frozen;
  return training;
}

Training folded_linear(const std::string& name, const char* bits) {
  Training training = folded(name, bits, bits);
  training.model = few_values();
  training.image = {12, 12, 1};
  training.engine = EngineKind::kReference;
  return training;
}

// Few bits, so that a step of the sums is seen.
Training with_integer_biases(Training training) {
  training.has_integer_biases = true;
  return training;
}

std::vector<Training> trainings() {
  const OptimizerSpec modern{
      .learning_rate = 0.05, .momentum = 0.9, .form = "modern", .weight_decay = 0.01};
  OptimizerSpec nesterov = modern, caffe = modern;
  nesterov.nesterov = true;
  caffe.form = "caffe";
  const OptimizerSpec adam{.id = "adam", .learning_rate = 0.01, .weight_decay = 0.01};
  const ImageShape colour = {36, 36, 4};
  return {{"all_modern", all_layers(), colour, modern},
          {"all_nesterov", all_layers(), colour, nesterov, Loss::kSquaredHinge},
          {"all_adam", all_layers(), colour, adam},
          {"all_reference", all_layers(), colour, caffe, Loss::kCrossEntropy,
           EngineKind::kReference},
          {"lenet", load_model("lenet"), {28, 28, 1}, caffe},
          {"lenet_bn", load_model("lenet-bn"), {28, 28, 1}, modern},
          {"resnet_20", load_model("resnet-20"), {8, 8, 3}, modern},
          {"fire", fire_model(), {12, 12, 3}, modern},
          {"depthwise", clipped_depthwise(), {9, 9, 4}, modern},
          {"depthwise_reference",
           clipped_depthwise(),
           {9, 9, 4},
           modern,
           Loss::kCrossEntropy,
           EngineKind::kReference},
          {"twn",
           few_values(),
           {12, 12, 1},
           modern,
           Loss::kCrossEntropy,
           EngineKind::kOneDnn,
           method("twn", "2", nullptr)},
          {"dorefa",
           few_values(),
           {12, 12, 1},
           modern,
           Loss::kCrossEntropy,
           EngineKind::kOneDnn,
           method("dorefa", "2", "2")},
          {"dorefa_shared",
           shared_inputs(),
           {8, 8, 1},
           modern,
           Loss::kCrossEntropy,
           EngineKind::kOneDnn,
           method("dorefa", "2", "2")},
          folded("folded", "32", "32"),
          folded("folded_frozen", "32", "32", true),
          folded("int8", "4", "4"),
          folded("int8_frozen", "4", "4", true),
          folded_linear("folded_linear", "32"),
          folded_linear("int8_linear", "4"),
          with_integer_biases(folded("int8_biases", "3", "3", true)),
          with_integer_biases(folded_linear("int8_linear_biases", "4"))};
}

}  // namespace

TEST_CASE("whole networks train as PyTorch trains them", "[train][torch]") {
  fs::create_directories(kFolder);
  std::string names;
  for (const auto& training : trainings()) {
    save(training);
    names += " " + training.name;
  }
  testing::compare_with_torch("train/train_with_torch.py", kFolder, names);
}

}  // namespace bitsweep
