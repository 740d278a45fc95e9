// Model files: expressions, repetitions, names, parameters, variants; and the shipped
// models.

#include <functional>

#include <catch2/catch.hpp>

#include "framework/config/expression.h"
#include "framework/config/model_file.h"
#include "framework/config/training_file.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

ModelSpec model(const std::string& text, const RawParams& params = {}) {
  const Folder folder;
  folder.write("m.yaml", text);
  return load_model("m.yaml", params, folder.path() / "study.yaml");
}

std::string refused_model(const std::string& text, const RawParams& params = {}) {
  const Folder folder;
  folder.write("m.yaml", text);
  return without(
      refusal([&] { load_model("m.yaml", params, folder.path() / "study.yaml"); }),
      folder.path());
}

std::vector<std::string> names(const std::vector<LayerSpec>& layers) {
  std::vector<std::string> all;
  for (const auto& layer : layers) {
    all.push_back(layer.name);
    for (const auto& name : names(layer.body)) all.push_back(name);
  }
  return all;
}

const LayerSpec& layer(const ModelSpec& spec, const std::string& name) {
  std::function<const LayerSpec*(const std::vector<LayerSpec>&)> find =
      [&](const std::vector<LayerSpec>& layers) -> const LayerSpec* {
    for (const auto& one : layers) {
      if (one.name == name) return &one;
      if (const LayerSpec* below = find(one.body)) return below;
    }
    return nullptr;
  };
  const LayerSpec* found = find(spec.layers);
  REQUIRE(found);
  return *found;
}

std::string param(const ModelSpec& spec, const std::string& name,
                  const std::string& key) {
  const auto& params = layer(spec, name).params;
  const auto found = params.find(key);
  return found == params.end() ? "" : found->second.text();
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("expressions follow the rules of arithmetic", "[model][expression]") {
  const Variables variables = {{"n", 20}, {"i", 1}};
  const auto value = [&](const std::string& e) {
    return expanded("${" + e + "}", variables);
  };
  CHECK(value("2 + 3 * 4") == "14");
  CHECK(value("(2 + 3) * 4") == "20");
  CHECK(value("10 - 3 - 2") == "5");
  CHECK(value("24 / 4 / 2") == "3");
  CHECK(value("(n - 2) / 6") == "3");
  CHECK(value("n % 6") == "2");
  CHECK(value("-n + 1") == "-19");
  CHECK(value("i == 1") == "1");
  CHECK(value("i != 1") == "0");
  CHECK(value("1 + (n > 19) * (i <= 1)") == "2");
  CHECK(value("n < 20") == "0");
  CHECK(value("n >= 20") == "1");
  CHECK(expanded("block${i}/conv${i + 1}", variables) == "block1/conv2");
  CHECK(expanded("plain", variables) == "plain");
}

TEST_CASE("expressions that have no value are refused", "[model][expression][refusal]") {
  const Variables variables = {{"depth", 21}};
  const auto refused_text = [&](const std::string& e) {
    return refusal([&] { expanded(e, variables); });
  };
  CHECK(refused_text("${(depth - 2) / 6}") ==
        "in ${(depth - 2) / 6}: 19 / 6 is not a whole number");
  CHECK(refused_text("${dept}") ==
        "in ${dept}: 'dept': unknown name; did you mean 'depth'?");
  CHECK(refused_text("${1 / 0}") == "in ${1 / 0}: a division by 0");
  CHECK(refused_text("${(1}") == "in ${(1}: a ')' is missing");
  CHECK(refused_text("${1 +}") == "in ${1 +}: a number or a name is missing");
  CHECK(refused_text("${1 2}") == "in ${1 2}: '2' is not expected");
  CHECK(refused_text("${2x}") == "in ${2x}: '2x' is not a whole number");
  CHECK(refused_text("${999999999999 * 999999999999}") ==
        "in ${999999999999 * 999999999999}: a value is too large");
  CHECK(refused_text("${1") == "'${1' opens '${' and does not close it");
}

TEST_CASE("layers without a name are counted by kind", "[model]") {
  const auto spec = model(
      "layers: [relu, {name: relu2, relu: {}}, flatten, {relu: {}}, {linear: {outputs: "
      "3}}]\n");
  CHECK(names(spec.layers) == Names{"relu1", "relu2", "flatten1", "relu3", "linear1"});
  CHECK(spec.layers[4].params.at("outputs").text() == "3");
  CHECK(spec.id == "m");
}

TEST_CASE("sides may be expressions", "[model]") {
  const auto spec = model(
      "parameters: {n: {default: 3}}\n"
      "layers: [{name: c, convolution: {filters: 2, kernel: [\"${2 * n + 1}\", 1]}}]\n");
  CHECK(param(spec, "c", "kernel") == "[7, 1]");
}

TEST_CASE("a repetition counts from one and nests", "[model]") {
  const auto spec = model(
      "parameters: {n: {default: 2}}\n"
      "layers:\n"
      "  - repeat:\n"
      "      times: ${n}\n"
      "      index: i\n"
      "      body:\n"
      "        - {name: \"fc${i}\", linear: {outputs: \"${8 * i}\"}}\n"
      "        - repeat: {times: 2, index: j, body: [{name: \"r${i}${j}\", relu: {}}]}\n"
      "  - repeat: {times: 0, body: [relu]}\n");
  CHECK(names(spec.layers) == Names{"fc1", "r11", "r12", "fc2", "r21", "r22"});
  CHECK(param(spec, "fc2", "outputs") == "16");
}

TEST_CASE("parameters come from the file, the variant, then the study", "[model]") {
  const std::string text =
      "parameters: {depth: {default: 1}, width: {default: 4, help: Wide.}}\n"
      "layers: [{name: fc, linear: {outputs: \"${depth * width}\"}}]\n";
  CHECK(param(model(text), "fc", "outputs") == "4");
  const auto wide = model(text, {{"width", RawValue::scalar("7")}});
  CHECK(param(wide, "fc", "outputs") == "7");
  CHECK(wide.params.at("depth").text() == "1");
  CHECK(wide.params.at("width").text() == "7");
  CHECK(refused_model(text, {{"widht", RawValue::scalar("7")}}) ==
        "network: widht: unknown parameter; did you mean 'width'?");
  CHECK(refused_model(text, {{"width", RawValue::scalar("0.5")}}) ==
        "network: width: '0.5' is not a whole number of at least 1");
}

TEST_CASE("a variant's parameters are fixed", "[model]") {
  CHECK(load_model("resnet-32").params.at("depth").text() == "32");
  CHECK(load_model("resnet-32", {{"width", RawValue::scalar("32")}})
            .params.at("width")
            .text() == "32");
  CHECK(refusal([] {
          load_model("resnet-32", {{"depth", RawValue::scalar("8")}});
        }) ==
        "network: depth: 'resnet-32' has depth 32; name the model itself to change it");
}

TEST_CASE("a model that is not there is answered with its neighbours",
          "[model][refusal]") {
  CHECK(refusal([] { load_model("resnet-21"); }) ==
        "'resnet-21': unknown model; did you mean 'resnet-20'?");
  CHECK(refusal([] { load_model("transformer"); }) ==
        "'transformer': unknown model; known: cifar10-full, lenet, lenet-300-100, "
        "lenet-bn, lenet-dropout, lenet-hwgq, lenet-sign, mlp-128, mlp-bn, mlp-sign, "
        "mobilenet-cifar, resnet, resnet-20, resnet-32, resnet-44, resnet-56, "
        "squeezenet-cifar, "
        "tflite-guide, vgg-small");
}

TEST_CASE("every mistake of a model file has its line", "[model][refusal]") {
  CHECK(
      refused_model("sumary: x\n"
                    "parameters: {n: {help: x}}\n"
                    "layers:\n"
                    "  - {name: a, relu: {}}\n"
                    "  - {name: a, relu: {}}\n"
                    "  - {name: b, relu: {}, linear: {}}\n"
                    "  - {name: c}\n"
                    "  - {name: \"d e\", relu: {}}\n"
                    "  - {linear: {outputs: \"${m}\"}}\n"
                    "  - {linear: {outputs: {x: 1}}}\n"
                    "  - {residual: {shortcut: identity}}\n"
                    "  - {repeat: {times: -1, body: [relu]}}\n"
                    "  - {repeat: {time: 1, body: [relu]}}\n"
                    "  - [relu]\n") ==
      "m.yaml:1: sumary: unknown key; did you mean 'summary'?\n"
      "m.yaml:2: parameters.n: needs a default\n"
      "m.yaml:5: layers: 'a' is already the name of a layer, on line 4\n"
      "m.yaml:6: layers.2: a layer has one kind beside its name; found 2: name, relu, "
      "linear\n"
      "m.yaml:7: layers.3: a layer has one kind beside its name; found 0: name\n"
      "m.yaml:8: layers.4.name: 'd e' is no name for a layer; use letters, digits, _, -, "
      ". "
      "and / inside\n"
      "m.yaml:9: layers.5.linear.outputs: in ${m}: 'm': unknown name; did you mean 'n'?\n"
      "m.yaml:10: layers.6.linear.outputs: a word or a list of words is expected here\n"
      "m.yaml:11: layers.7.residual: a residual block needs a body\n"
      "m.yaml:12: layers.8.repeat.times: -1 is not allowed (0 to 1000)\n"
      "m.yaml:13: layers.9.repeat: 'repeat' needs a number of times\n"
      "m.yaml:13: layers.9.repeat.time: unknown key; did you mean 'times'?\n"
      "m.yaml:14: layers.10: not a layer; expected {name: conv1, convolution: {filters: "
      "20}}");
  CHECK(refused_model("summary: x\n") == "m.yaml:1: a model file needs 'layers'");
}

TEST_CASE("an index may not hide another name", "[model][refusal]") {
  CHECK(refused_model("parameters: {n: {default: 1}}\n"
                      "layers: [{repeat: {times: 2, index: n, body: [relu]}}]\n") ==
        "m.yaml:2: layers.0.repeat.index: 'n' is taken");
}

TEST_CASE("every shipped model and its recipe load", "[model][shipped]") {
  const auto models = known_models(ConfigFolders{});
  CHECK(models.size() == 15);
  for (const auto& info : models) {
    CAPTURE(info.id);
    CHECK_FALSE(info.summary.empty());
    const auto spec = load_model(info.id);
    CHECK(spec.id == info.id);
    CHECK(load_recipe(spec.recipe).recipe == spec.recipe);
    for (const auto& variant : info.variants) CHECK(load_model(variant).id == variant);
  }
}

TEST_CASE("LeNet is Caffe's", "[model][shipped]") {
  const auto lenet = load_model("lenet");
  CHECK(names(lenet.layers) ==
        Names{"conv1", "pool1", "conv2", "pool2", "flatten1", "ip1", "relu1", "ip2"});
  CHECK(param(lenet, "conv1", "filters") == "20");
  CHECK(param(lenet, "conv2", "filters") == "50");
  CHECK(param(lenet, "ip1", "outputs") == "500");
  CHECK(param(lenet, "ip2", "outputs") == "classes");
  CHECK(lenet.recipe == "lenet");
}

TEST_CASE("a ResNet has 6n + 2 layers with weights", "[model][shipped]") {
  const std::map<std::string, int> depths = {
      {"resnet-20", 20}, {"resnet-32", 32}, {"resnet-44", 44}, {"resnet-56", 56}};
  for (const auto& [id, depth] : depths) {
    CAPTURE(id);
    const auto spec = load_model(id);
    int weights = 0;
    std::function<void(const std::vector<LayerSpec>&)> count = [&](const auto& layers) {
      for (const auto& one : layers) {
        weights += one.kind == "convolution" || one.kind == "linear";
        count(one.body);
      }
    };
    count(spec.layers);
    CHECK(weights == depth);
  }
}

TEST_CASE("a ResNet halves its image in the first block of stages two and three",
          "[model][shipped]") {
  const auto spec = load_model("resnet-20");
  const auto conv = [](int stage, int block, int i) {
    return "stage" + std::to_string(stage) + "/block" + std::to_string(block) + "/conv" +
           std::to_string(i);
  };
  const std::map<int, std::string> filters = {{1, "16"}, {2, "32"}, {3, "64"}};
  for (int stage = 1; stage <= 3; ++stage) {
    for (int block = 1; block <= 3; ++block) {
      CHECK(param(spec, conv(stage, block, 1), "filters") == filters.at(stage));
      CHECK(param(spec, conv(stage, block, 2), "filters") == filters.at(stage));
      CHECK(param(spec, conv(stage, block, 1), "stride") ==
            (stage > 1 && block == 1 ? "2" : "1"));
    }
  }
}

TEST_CASE("VGG-small doubles its filters from pair to pair", "[model][shipped]") {
  const auto spec = load_model("vgg-small");
  Names filters;
  for (const auto& one : spec.layers) {
    if (one.kind == "convolution") filters.push_back(one.params.at("filters").text());
  }
  CHECK(filters == Names{"128", "128", "256", "256", "512", "512"});
}

TEST_CASE("models are looked for in BITSWEEP_CONFIGS, above the study, then at home",
          "[model][folders]") {
  const Folder folder;
  const auto study = folder.path() / "experiments" / "a" / "study.yaml";
  folder.write("configs/models/lenet.yaml", "layers: [relu]\n");
  CHECK(load_model("lenet", {}, study).layers.size() == 1);
  CHECK(load_model("lenet-bn", {}, study).layers.size() == 13);

  folder.write("first/models/lenet.yaml", "layers: [relu, relu]\n");
  setenv("BITSWEEP_CONFIGS", (folder.path() / "first").c_str(), 1);
  const auto chosen = load_model("lenet", {}, study);
  unsetenv("BITSWEEP_CONFIGS");
  CHECK(chosen.layers.size() == 2);
}
