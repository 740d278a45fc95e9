// What is exported, by its parts; tests/agreement/onnx_test.py runs the files.
#include "framework/pack/onnx.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>

#include <catch2/catch.hpp>
#include <onnx/onnx_pb.h>

#include "framework/core/error.h"
#include "tests/pack/packed_networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

const EdgesSpec kAllAndImage{
    .first = "method", .last = "method", .bias = "float", .image = "method"};

onnx::ModelProto exported(const PackedModel& model, OnnxDialect dialect) {
  onnx::ModelProto proto;
  REQUIRE(proto.ParseFromString(onnx_bytes(model, dialect)));
  return proto;
}

int count(const onnx::ModelProto& model, const std::string& operation) {
  const auto& nodes = model.graph().node();
  return int(std::count_if(nodes.begin(), nodes.end(),
                           [&](const auto& n) { return n.op_type() == operation; }));
}

// Every name that is read was made before.
void check_order(const onnx::ModelProto& model) {
  std::set<std::string> made;
  for (const auto& input : model.graph().input()) made.insert(input.name());
  for (const auto& tensor : model.graph().initializer()) made.insert(tensor.name());
  for (const auto& node : model.graph().node()) {
    for (const auto& input : node.input()) {
      CAPTURE(node.name(), input);
      CHECK(made.contains(input));
    }
    for (const auto& output : node.output()) CHECK(made.insert(output).second);
  }
  CHECK(made.contains("logits"));
}

TEST_CASE("every dialect writes every kind of grid in order", "[pack][onnx]") {
  Quantized lsq(residual_model(), "lsq", {{"weight_bits", "4"}, {"offset", "true"}},
                kAllButBias);
  Quantized xnor(sign_model(), "xnor", {{"input_scale", "true"}}, kAllButBias);
  Quantized apot(plain_model(), "apot", {}, kAllButBias);
  Quantized fire(fire_model(), "affine", {{"operands", "true"}}, kAllButBias);
  Quantized mobile(mobile_model(), "affine", {{"operands", "true"}}, kAllButBias);
  for (Quantized* net : {&lsq, &xnor, &apot, &fire, &mobile}) {
    const PackedModel packed = net->pack();
    for (const auto& name : onnx_dialect_names()) {
      CAPTURE(name);
      check_order(exported(packed, onnx_dialect(name)));
    }
  }
}

TEST_CASE("dynamic scales are computed in the file", "[pack][onnx]") {
  Quantized net(plain_model(), "affine", {{"activation_scales", "image"}}, kAllAndImage);
  const PackedModel packed = net.pack();
  for (const auto& name : onnx_dialect_names()) {
    CAPTURE(name);
    check_order(exported(packed, onnx_dialect(name)));
  }
  const auto integer = exported(packed, OnnxDialect::kInteger);
  CHECK(count(integer, "ConvInteger") == 2);
  CHECK(count(integer, "GlobalMaxPool") == 8);
  CHECK(count(integer, "DynamicQuantizeLinear") == 0);
  CHECK(count(exported(packed, OnnxDialect::kQdq), "DynamicQuantizeLinear") == 4);
}

TEST_CASE("ranges of a batch are of all its images", "[pack][onnx]") {
  Quantized net(plain_model(), "affine", {{"activation_scales", "batch"}}, kAllAndImage);
  const PackedModel packed = net.pack();
  for (const auto& name : onnx_dialect_names()) {
    const auto model = exported(packed, onnx_dialect(name));
    check_order(model);
    for (const auto& tensor : model.graph().initializer()) {
      if (!tensor.name().ends_with("/one")) continue;
      CHECK(tensor.int64_data_size() + int(tensor.raw_data().size()) / 8 == 3);
      if (tensor.int64_data_size() > 0) CHECK(tensor.int64_data(0) == 1);
    }
  }
  CHECK(count(exported(packed, OnnxDialect::kQdq), "DynamicQuantizeLinear") == 4);
}

TEST_CASE("biases of whole steps are integers in the file", "[pack][onnx]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  const char* const method = GENERATE("affine", "int8_training");
  CAPTURE(method);
  Quantized net(plain_model(), method, {{"rounding", "half_even"}, {"order", "onnx"}},
                all);
  if (net.network.folds_in_training()) net.network.fold_normalisation();
  const PackedModel packed = net.pack();
  const auto check_bias = [&](const onnx::ModelProto& model, const std::string& layer) {
    const auto& codes = packed.tensor(layer + "/bias")->encoded->codes;
    for (const auto& tensor : model.graph().initializer()) {
      if (tensor.name() != layer + "/bias") continue;
      REQUIRE(tensor.data_type() == onnx::TensorProto::INT32);
      std::vector<std::int32_t> own(tensor.int32_data().begin(),
                                    tensor.int32_data().end());
      if (own.empty()) {
        own.resize(codes.size());
        REQUIRE(tensor.raw_data().size() == 4 * own.size());
        std::memcpy(own.data(), tensor.raw_data().data(), 4 * own.size());
      }
      CHECK(own == codes);
      return;
    }
    FAIL("no bias of " << layer);
  };
  const auto integer = exported(packed, OnnxDialect::kInteger);
  check_order(integer);
  for (const char* layer : {"conv1", "conv2", "fc1", "fc2"}) check_bias(integer, layer);
  const auto qdq = exported(packed, OnnxDialect::kQdq);
  check_order(qdq);
  check_bias(qdq, "fc2");  // of the logits
  CHECK(count(qdq, "MatMulInteger") == 1);
  for (const auto& name : onnx_dialect_names()) {
    check_order(exported(packed, onnx_dialect(name)));
  }
}

TEST_CASE("windows keep their sides", "[pack][onnx]") {
  Quantized net(side_model(), "affine", {}, kAllButBias);
  const PackedModel packed = net.pack();
  using Numbers = std::vector<std::int64_t>;
  for (const auto& name : onnx_dialect_names()) {
    CAPTURE(name);
    const auto model = exported(packed, onnx_dialect(name));
    check_order(model);
    const auto numbers = [&](const std::string& operation, std::size_t number,
                             const std::string& attribute) {
      for (const auto& node : model.graph().node()) {
        const bool is_meant =
            node.op_type() == operation || node.op_type() == operation + "Integer";
        if (!is_meant || number-- > 0) continue;
        for (const auto& own : node.attribute()) {
          if (own.name() == attribute)
            return Numbers(own.ints().begin(), own.ints().end());
        }
      }
      return Numbers{};
    };
    CHECK(numbers("Conv", 0, "kernel_shape") == Numbers{3, 1});
    CHECK(numbers("Conv", 0, "pads") == Numbers{1, 0, 1, 0});
    CHECK(numbers("Conv", 1, "strides") == Numbers{1, 2});
    CHECK(numbers("Conv", 1, "pads") == Numbers{0, 1, 0, 2});
    CHECK(numbers("Conv", 2, "pads") == Numbers{0, 1, 2, 0});
    CHECK(numbers("Conv", 2, "group") == Numbers{});  // one number, not a list
    CHECK(numbers("MaxPool", 0, "kernel_shape") == Numbers{2, 3});
    CHECK(numbers("MaxPool", 0, "strides") == Numbers{2, 1});
    CHECK(numbers("MaxPool", 0, "pads") == Numbers{0, 1, 0, 1});
  }
}

TEST_CASE("concatenations and clips are written", "[pack][onnx]") {
  Quantized fire(fire_model(), "affine", {}, kAllButBias);
  const auto model = exported(fire.pack(), OnnxDialect::kQdq);
  CHECK(count(model, "Concat") == 1);
  Quantized mobile(mobile_model(), "float", {}, kAllButBias);
  CHECK(count(exported(mobile.pack(), OnnxDialect::kFloat), "Clip") == 4);
}

TEST_CASE("products of codes become integer operators", "[pack][onnx]") {
  Quantized net(plain_model(), "lsq", {{"weight_bits", "8"}, {"activation_bits", "8"}},
                kAllAndImage);
  const PackedModel packed = net.pack();
  const auto integer = exported(packed, OnnxDialect::kInteger);
  CHECK(count(integer, "ConvInteger") == 2);
  CHECK(count(integer, "MatMulInteger") == 2);
  CHECK(count(integer, "Conv") == 0);
  const auto qdq = exported(packed, OnnxDialect::kQdq);
  CHECK(count(qdq, "Conv") == 1);  // with the quantizer behind it
  CHECK(count(qdq, "Gemm") == 1);
  CHECK(count(qdq, "ConvInteger") == 1);    // a pool follows
  CHECK(count(qdq, "MatMulInteger") == 1);  // the last one
  CHECK(count(exported(packed, OnnxDialect::kFloat), "QuantizeLinear") == 0);
  CHECK(exported(packed, OnnxDialect::kQonnx).functions_size() == 1);
}

TEST_CASE("an unknown dialect is met with those that there are", "[pack][onnx]") {
  CHECK_THROWS_WITH(onnx_dialect("tflite"), Contains("integer, qdq, qonnx, float"));
}

// A rounded bias moves a code by 1/32 of a step at most, so few codes change, by one.
TEST_CASE("requantized sums give nearly the same logits", "[pack][onnx]") {
  Quantized net(plain_model(), "lsq", {{"weight_bits", "8"}, {"activation_bits", "8"}},
                kAllAndImage);
  const PackedModel packed = net.pack();
  const auto usual = net.executed(packed, {});
  const auto requantized = net.executed(packed, {.requantize = Requantize::kFloat});
  const auto [least, most] = std::minmax_element(usual.begin(), usual.end());
  double sum = 0;
  for (std::size_t i = 0; i < usual.size(); ++i) {
    sum += std::fabs(usual[i] - requantized[i]);
  }
  CHECK(sum / double(usual.size()) <= 0.01 * (*most - *least));
  CHECK(net.executed(packed, {.engine = EngineKind::kReference,
                              .requantize = Requantize::kFloat}) == requantized);
}

}  // namespace
}  // namespace bitsweep
