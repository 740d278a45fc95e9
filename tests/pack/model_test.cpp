#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/pack/byte_stream.h"
#include "framework/pack/model_file.h"
#include "tests/pack/packed_networks.h"

namespace bitsweep {
namespace {

using Floats = std::vector<float>;
using Bytes = std::vector<std::uint8_t>;
using Catch::Matchers::Contains;

Quantized quantized(const std::string& method = "lsq",
                    std::vector<std::pair<const char*, const char*>> pairs = {}) {
  return {plain_model(), method, std::move(pairs), kEverything};
}

TEST_CASE("a model file gives back the very codes", "[pack][model]") {
  for (const char* method : {"lsq", "twn", "ttq", "lognet", "bnn", "apot", "minifloat",
                             "dorefa", "inq", "dynamic_fixed_point", "float"}) {
    CAPTURE(method);
    auto net = quantized(method);
    const PackedModel packed = net.pack();
    const PackedModel read = parse_model(model_bytes(packed));
    CHECK(read.title == "a title");
    CHECK(read.dataset == "shapes");
    CHECK(read.preprocessing.factor == std::vector<float>{0.5f});
    CHECK(read.graph.nodes.size() == packed.graph.nodes.size());
    REQUIRE(read.tensors.size() == packed.tensors.size());
    for (std::size_t i = 0; i < read.tensors.size(); ++i) {
      CHECK(read.tensors[i].name == packed.tensors[i].name);
      CHECK(read.tensors[i].shape == packed.tensors[i].shape);
      REQUIRE(read.tensors[i].encoded.has_value() ==
              packed.tensors[i].encoded.has_value());
      CHECK(read.tensors[i].values == packed.tensors[i].values);
      if (!read.tensors[i].encoded) continue;
      CHECK(read.tensors[i].encoded->codes == packed.tensors[i].encoded->codes);
      CHECK(read.tensors[i].encoded->values() == packed.tensors[i].encoded->values());
    }
    CHECK(net.executed(read, {}) == net.executed(packed, {}));
    CHECK(model_bytes(read) == model_bytes(packed));
  }
}

TEST_CASE("a file's bits are told by purpose, all of them", "[pack][model]") {
  for (const char* method : {"lsq", "ttq", "float", "bnn"}) {
    auto net = quantized(method);
    ModelBits bits;
    const Bytes bytes = model_bytes(net.pack(), &bits);
    CHECK(bits.total().total() == 8 * bytes.size());
    for (const auto& tensor : bits.tensors) {
      CAPTURE(method, tensor.name);
      CHECK(tensor.bits.rest < 8 * 64);
      if (!tensor.coding) {
        CHECK(tensor.bits.floats == 32 * tensor.elements);
        continue;
      }
      CHECK(tensor.bits.floats == 0);
      CHECK(tensor.bits.codes <= tensor.elements * std::uint64_t(tensor.width) + 8);
      CHECK(tensor.entropy <= double(tensor.elements) * tensor.width);
    }
  }
}

TEST_CASE("sparse floats keep their places", "[pack][model]") {
  Quantized net(plain_model(), "float", {});
  PackedModel packed = net.pack();
  auto& weights = packed.tensors[2].values;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i % 11 != 0) weights[i] = 0;
  }
  ModelBits bits;
  const PackedModel read = parse_model(model_bytes(packed, &bits));
  CHECK(read.tensors[2].values == weights);
  CHECK(bits.tensors[2].bits.floats == 32 * ((weights.size() + 10) / 11));
  CHECK(bits.tensors[2].bits.indices > 0);
}

TEST_CASE("damaged files are refused", "[pack][model]") {
  auto net = quantized();
  const Bytes bytes = model_bytes(net.pack());
  const RandomStream random(3, "damage");
  for (std::uint32_t i = 0; i < 2000; ++i) {
    Bytes damaged = bytes;
    const auto at = std::size_t(random.uniform_at(2 * i) * float(bytes.size()));
    if (i % 4 == 0) {
      damaged.resize(at);
    } else {
      damaged[at] ^= std::uint8_t(1u << (i % 8));
    }
    CHECK_THROWS_AS(parse_model(damaged), DataError);
  }
  CHECK_THROWS_WITH(parse_model(Bytes{}),
                    Catch::StartsWith("not a packed model of bitsweep; expected "));
  Bytes newer = bytes;
  newer[4] = 9;
  CHECK_THROWS_WITH(parse_model(newer),
                    "it has version 9 of the format; this program reads versions 1 to 3");
  Bytes longer = bytes;
  longer.push_back(0);
  CHECK_THROWS_WITH(parse_model(longer), Contains("checksum"));
}

TEST_CASE("a model is written in the oldest version that holds it", "[pack][model]") {
  Quantized square(residual_model(), "float", {});
  Quantized sides(side_model(), "float", {});
  Quantized square_codes(residual_model(), "lsq", {{"weight_bits", "4"}});
  Quantized side_codes(side_model(), "lsq", {{"weight_bits", "4"}});
  CHECK(model_bytes(square.pack())[4] == 1);
  CHECK(model_bytes(sides.pack())[4] == 2);
  CHECK(model_bytes(square_codes.pack())[4] == 3);  // arithmetic coding by symbols
  CHECK(model_bytes(side_codes.pack())[4] == 3);
  for (Quantized* net : {&square, &sides, &square_codes, &side_codes}) {
    const PackedModel packed = net->pack(), read = parse_model(model_bytes(packed));
    REQUIRE(read.graph.nodes.size() == packed.graph.nodes.size());
    for (std::size_t i = 0; i < read.graph.nodes.size(); ++i) {
      CHECK(read.graph.nodes[i].window == packed.graph.nodes[i].window);
      CHECK(read.graph.nodes[i].zero_channels == packed.graph.nodes[i].zero_channels);
    }
    CHECK(net->executed(read, {}) == net->executed(packed, {}));
  }
}

// A model that writes: a linear layer behind an image, and what is changed of it.
PackedModel linear_model(ImageShape image = {1, 1, 4}) {
  PackedModel model{.title = "t", .dataset = "d"};
  model.graph = {.image = image, .classes = 2};
  model.graph.nodes = {{.operation = Operation::kLinear,
                        .name = "fc",
                        .inputs = {0},
                        .output = {1, 1, 2}}};
  model.tensors = {{.name = "fc/weight",
                    .shape = {2, std::int64_t(image.elements())},
                    .values = std::vector<float>(2 * image.elements())}};
  return model;
}

GraphNode node(Operation operation, std::vector<int> inputs, ImageShape output) {
  return {.operation = operation, .inputs = std::move(inputs), .output = output};
}

TEST_CASE("two layers of one name are refused", "[pack][model]") {
  PackedModel model = linear_model();
  model.graph.nodes.push_back(model.graph.nodes.front());
  model.graph.nodes.back().inputs = {1};
  model.graph.nodes.back().output = {1, 1, 2};
  CHECK_THROWS_AS(parse_model(model_bytes(model)), DataError);
  model.graph.nodes.front().output = model.graph.nodes.back().output = {1, 1, 4};
  model.graph.classes = 4;
  model.tensors.front() = {.name = "fc/weight", .shape = {4, 4}, .values = Floats(16)};
  CHECK_THROWS_WITH(parse_model(model_bytes(model)),
                    Contains("two of its layers have the name fc"));
}

// 2^25 zeros would take a kilobyte.
TEST_CASE("a small file cannot ask for much memory", "[pack][model]") {
  ByteWriter out;
  out.text("title");
  out.text("dataset");
  for (const std::uint64_t extent : {1, 1, 1 << 24}) out.unsigned_number(extent);
  out.unsigned_number(2);  // classes
  out.float_list(Floats{1});
  out.float_list(Floats{0});
  out.unsigned_number(1);  // nodes
  out.byte(std::uint8_t(Operation::kLinear));
  out.text("fc");
  for (const std::uint64_t number : {0, 1, 1, 2}) out.unsigned_number(number);
  out.byte(0);  // no biases
  CHECK_THROWS_WITH(parse_model_payload(out.bytes(), 1),
                    Contains("fc/weight has 33554432 values") &&
                        Contains("more than a file of its size is believed to hold"));
}

TEST_CASE("weights that overflow when they are counted are refused", "[pack][model]") {
  PackedModel model = linear_model();
  GraphNode wide = node(Operation::kConvolution, {0}, {1, 1, 1 << 24});
  wide.window = {.kernel = 4096, .stride = 2, .pad = 2048};
  wide.name = "conv";
  model.graph.image = {1, 1, 1 << 24};
  model.graph.nodes.insert(model.graph.nodes.begin(), wide);
  model.graph.nodes.back().inputs = {1};
  CHECK_THROWS_WITH(check_graph(model.graph), Contains("multiply-accumulates"));
}

TEST_CASE("pixel scales read windows that are there", "[pack][model]") {
  PackedModel model = linear_model({6, 6, 1});
  GraphNode scale = node(Operation::kPixelScale, {0, 0}, {6, 6, 1});
  scale.window = {.kernel = 3, .pad = 1};
  model.graph.nodes.insert(model.graph.nodes.begin(), scale);
  model.graph.nodes.back().inputs = {1};
  check_graph(model.graph);
  model.graph.nodes.front().window.pad = 0;
  CHECK_THROWS_WITH(check_graph(model.graph),
                    Contains("do not follow from its second input"));
}

TEST_CASE("a batch that takes too much memory is refused", "[pack][executor]") {
  const PackedModel model = linear_model({100, 100, 10});
  // A batch's floats: ten million for images, and a few more.
  CHECK_NOTHROW(Executor(model, {.batch = 100, .most_memory = 40.1e6}));
  CHECK_THROWS_WITH(Executor(model, {.batch = 100, .most_memory = 39e6}),
                    Contains("takes 40 MB for a batch of 100 images") &&
                        Contains("39 MB are allowed; take smaller batches"));
}

// A scale by pixel stands before its pipeline: it waits for values made in it.
TEST_CASE("pixel scales may read what was just computed", "[pack][executor]") {
  PackedModel model = linear_model({2, 1, 2});
  auto& nodes = model.graph.nodes;
  nodes = {node(Operation::kRelu, {0}, {2, 1, 2}),
           node(Operation::kPixelScale, {1, 1}, {2, 1, 2}), nodes.front()};
  nodes.back().inputs = {2};
  model.tensors.front().values = {1, 1, 0, 0, 0, 0, 1, 1};
  Executor executor(model, {.batch = 1});
  const std::vector<float> image = {3, -1, 2, 4};
  std::copy(image.begin(), image.end(), executor.image(0).begin());
  executor.run(1);
  CHECK(executor.logits()[0] == 3 * 1.5f);          // 3, 0 and their mean
  CHECK(executor.logits()[1] == 2 * 3.0f + 4 * 3);  // 2, 4
}

// Signs are packed for xor: by the quantizer's rule, not by the sign of its input.
TEST_CASE("codes of two levels follow their thresholds", "[pack][executor]") {
  PackedModel model = linear_model();
  auto& nodes = model.graph.nodes;
  nodes.insert(nodes.begin(), node(Operation::kQuantize, {0}, {1, 1, 4}));
  nodes.back().inputs = {1};
  const Grid signs(LevelGrid{.levels = {-1, 1}});
  model.tensors.front().encoded =
      Encoded{.codes = {1, 1, 1, 1, 0, 1, 1, 1}, .grid = signs};
  const auto logit = [&](CodeRule rule) {
    model.quantizers = {{signs, rule}};
    Executor executor(model, {.batch = 1});
    CHECK(executor.products()[0].kernel.starts_with("xor"));
    const std::vector<float> image = {-2, -0.5f, 0.25f, 0.75f};
    std::copy(image.begin(), image.end(), executor.image(0).begin());
    executor.run(1);
    return executor.logits()[0];
  };
  const auto thresholds = CodeRule::Kind::kThresholds;
  CHECK(logit({.kind = thresholds, .thresholds = {0}}) == 0);
  CHECK(logit({.kind = thresholds, .thresholds = {0.5f}}) == -2);
  CHECK(logit({.kind = thresholds, .of_magnitude = true, .thresholds = {0.4f}}) == 2);
}

// What is behind the checksum may be anything: it is another model, or refused.
TEST_CASE("damage behind the checksum is harmless", "[pack][model]") {
  for (const char* method : {"lsq", "ttq", "bnn"}) {
    auto net = quantized(method);
    const Bytes bytes = model_bytes(net.pack());
    const Bytes payload(bytes.begin() + 9, bytes.end());
    const RandomStream random(4, "damage");
    int refused = 0;
    for (std::uint32_t i = 0; i < 700; ++i) {
      Bytes damaged = payload;
      // The head, where shapes and grids are, is hit more often.
      const float where = random.uniform_at(3 * i);
      const std::size_t reach =
          i % 2 == 0 ? std::min<std::size_t>(400, payload.size()) : payload.size();
      damaged[std::size_t(where * float(reach))] =
          std::uint8_t(256 * random.uniform_at(3 * i + 1));
      try {
        const PackedModel read = parse_model_payload(damaged);
        if (i % 8 == 0) net.executed(read, {});
      } catch (const Error&) {
        ++refused;
      }
    }
    CHECK(refused > 100);
  }
}

}  // namespace
}  // namespace bitsweep
