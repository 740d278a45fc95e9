// Quantized convolutions and linear layers of the executor against those of
// torch.ao.nn.quantized, where there is PyTorch: this side writes inputs, weights and the
// codes of its outputs, products_with_torch.py computes PyTorch's on each engine.
#include <cmath>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/core/random.h"
#include "framework/pack/executor.h"
#include "tests/torch_comparison.h"

namespace bitsweep {
namespace {

struct Case {
  const char* name;
  bool is_linear = false;
  int pad = 0, stride = 1, groups = 1;
  bool relu = false;
  bool per_channel = true;
  float output_zero_point = 0;
};

constexpr int kImages = 16;
constexpr ImageShape kImage{9, 9, 8};
constexpr int kFilters = 12, kKernel = 3;

float draw(const RandomStream& random, std::size_t index) {
  return float(random.normal_at(std::uint32_t(index)));
}

PackedQuantizer quantizer(float scale, float zero_point) {
  UniformGrid grid{.low = 0, .high = 255, .scale = {scale}, .zero_point = {zero_point}};
  return {Grid(std::move(grid)), CodeRule{}};
}

// Two quantizers around a product, whose codes are the network's output.
PackedModel model_of(const Case& c) {
  const int size = c.is_linear ? 1 : (kImage.height + 2 * c.pad - kKernel) / c.stride + 1;
  const ImageShape out{size, size, kFilters};
  PackedModel model{.title = c.name, .dataset = "none"};
  model.graph = {.image = kImage, .classes = int(out.elements())};
  auto& nodes = model.graph.nodes;
  nodes.push_back({.operation = Operation::kQuantize,
                   .name = "layer/input",
                   .inputs = {0},
                   .output = kImage});
  nodes.push_back(
      {.operation = c.is_linear ? Operation::kLinear : Operation::kConvolution,
       .name = "layer",
       .inputs = {1},
       .output = out,
       .window = {.kernel = c.is_linear ? 1 : kKernel,
                  .stride = c.stride,
                  .pad = c.pad,
                  .groups = c.groups}});
  if (c.relu) {
    nodes.push_back({.operation = Operation::kRelu, .inputs = {2}, .output = out});
  }
  nodes.push_back({.operation = Operation::kQuantize,
                   .name = "output",
                   .inputs = {int(nodes.size())},
                   .output = out});

  const auto shape = weight_shape(nodes[1], kImage);
  NetworkTensor weight{.name = "layer/weight", .shape = shape};
  std::size_t count = 1;
  for (const auto extent : shape) count *= std::size_t(extent);
  const RandomStream random(5, c.name);
  Encoded encoded{.codes = std::vector<std::int32_t>(count),
                  .grid = Grid(UniformGrid{.low = -127, .high = 127})};
  UniformGrid grid{.low = -127, .high = 127, .scale = {}, .zero_point = {}};
  for (int f = 0; f < (c.per_channel ? kFilters : 1); ++f) {
    grid.scale.push_back(0.002f * (1 + std::fabs(draw(random, 100000 + f))));
    grid.zero_point.push_back(0);
  }
  encoded.grid =
      Grid(std::move(grid),
           c.per_channel ? ChannelLayout{kFilters, count / kFilters} : ChannelLayout{});
  for (std::size_t i = 0; i < count; ++i) {
    encoded.codes[i] =
        std::clamp(std::int32_t(std::lrint(50 * draw(random, i))), -127, 127);
  }
  weight.encoded = std::move(encoded);
  NetworkTensor bias{.name = "layer/bias", .shape = {kFilters}};
  for (std::size_t f = 0; f < kFilters; ++f) {
    bias.values.push_back(draw(random, 200000 + f));
  }
  model.tensors = {std::move(weight), std::move(bias)};
  const float spread = c.is_linear ? 0.11f : 0.037f;
  model.quantizers = {quantizer(0.0173f, c.relu ? 0 : 117),
                      quantizer(spread, c.output_zero_point)};
  return model;
}

std::string case_json(const Case& c) {
  const PackedModel model = model_of(c);
  Executor executor(model, {.batch = kImages});
  REQUIRE(executor.products()[0].kernel.starts_with("integer"));
  const RandomStream random(6, c.name);
  std::vector<float> images;
  for (int i = 0; i < kImages; ++i) {
    for (float& x : executor.image(i)) {
      x = draw(random, images.size());
      images.push_back(x);
    }
  }
  executor.run(kImages);
  const Grid& out = model.quantizers.back().grid;
  std::vector<std::int32_t> codes(executor.logits().size());
  out.nearest_codes(executor.logits(), codes);  // they are its values
  const Encoded& weight = *model.tensors[0].encoded;
  return fmt::format(
      "{{\"name\": \"{}\", \"linear\": {}, \"pad\": {}, \"stride\": {}, \"groups\": {}, "
      "\"relu\": {}, \"image\": [{}, {}, {}], \"images\": [{:.9g}], \"weight_shape\": "
      "[{}], \"weight_codes\": [{}], \"weight_scales\": [{:.9g}], \"bias\": [{:.9g}], "
      "\"input\": [{:.9g}, {}], \"output\": [{:.9g}, {}], \"codes\": [{}]}}",
      c.name, c.is_linear, c.pad, c.stride, c.groups, c.relu, kImage.height, kImage.width,
      kImage.channels, fmt::join(images, ", "), fmt::join(model.tensors[0].shape, ", "),
      fmt::join(weight.codes, ", "), fmt::join(weight.grid.scales(), ", "),
      fmt::join(model.tensors[1].values, ", "), model.quantizers[0].grid.scales().front(),
      model.quantizers[0].grid.uniform()->zero_point.front(), out.scales().front(),
      out.uniform()->zero_point.front(), fmt::join(codes, ", "));
}

TEST_CASE("quantized products give PyTorch's codes", "[pack][executor][torch]") {
  const Case cases[] = {
      {.name = "convolution", .output_zero_point = 121},
      {.name = "padded convolution", .pad = 1, .output_zero_point = 130},
      {.name = "convolution and ReLU", .stride = 2, .relu = true},
      {.name = "convolution, one scale", .per_channel = false, .output_zero_point = 99},
      {.name = "grouped convolution", .pad = 1, .groups = 4, .output_zero_point = 128},
      {.name = "linear", .is_linear = true, .output_zero_point = 128},
      {.name = "linear and ReLU", .is_linear = true, .relu = true}};
  const auto path = testing::file_for_torch("products_for_torch.json");
  std::string all;
  for (const Case& c : cases) all += (all.empty() ? "" : ",\n") + case_json(c);
  std::ofstream(path) << "[" << all << "]";
  testing::compare_with_torch("pack/products_with_torch.py", path);
}

}  // namespace
}  // namespace bitsweep
