#include "framework/eval/layer_storage.h"

#include <catch2/catch.hpp>

using namespace bitsweep;

// The paper's layers count bits as here: LeNet-5's conv1 has 500 weights, 66 % kept,
// 8-bit codes and indices, and a book of 256 floats.
TEST_CASE("layers are counted as Deep Compression counts them", "[layer_storage]") {
  PackedModel model;
  const auto layer = [&](const char* name, int filters) {
    model.graph.nodes.push_back({.operation = Operation::kLinear,
                                 .name = name,
                                 .inputs = {int(model.graph.nodes.size())},
                                 .output = {1, 1, filters}});
  };
  model.graph.image = {1, 1, 64};
  model.graph.classes = 4;
  layer("fc1", 16);
  layer("fc2", 4);
  // Each eighth weight is kept, on 3 levels and zero: fields of 2 bits and indices of 3.
  Encoded encoded{.codes = std::vector<std::int32_t>(16 * 64, 1),
                  .grid = Grid(LevelGrid{.levels = {-1, 0, 1, 2}, .learned = true})};
  for (std::size_t i = 7; i < encoded.codes.size(); i += 8) {
    encoded.codes[i] = i % 24 == 7 ? 0 : i % 24 == 15 ? 2 : 3;
  }
  model.tensors = {
      {.name = "fc1/weight", .shape = {16, 64}, .encoded = encoded},
      {.name = "fc1/bias", .shape = {16}, .values = std::vector<float>(16, 0.5f)},
      {.name = "fc2/weight", .shape = {4, 16}, .values = std::vector<float>(64, 0.25f)}};
  ModelBits bits;
  model_bytes(model, &bits);
  const auto layers = layer_storage(model, bits);
  REQUIRE(layers.size() == 3);
  const LayerStorage& first = layers[0];
  CHECK(first.layer == "fc1");
  CHECK(first.weights == 1024);
  CHECK(first.kept == 128);
  CHECK(first.biases == 16);
  CHECK(first.entries == 128);
  CHECK(first.each(first.code_bits) == 2);
  CHECK(first.each(first.index_bits) == 3);
  // All distances are equal: a Huffman code of one symbol takes no bits.
  CHECK(first.huffman_index_bits == 0);
  CHECK(first.each(first.huffman_code_bits) == Approx(5 / 3.0).margin(0.01));
  // Fields, the number of entries (11 bits) and the index' width (5), a book of 4 floats,
  // one scale, 16 biases.
  CHECK(first.plain_bits == 128 * 5 + 16 + 5 * 32 + 16 * 32);
  CHECK(first.rate(first.plain_bits) == Approx(double(first.plain_bits) / (1040 * 32)));
  CHECK(first.file_bits == bits.tensors[0].bits.total() + bits.tensors[1].bits.total());
  CHECK(layers[1].each(layers[1].code_bits) == 32);
  CHECK(layers[2].layer == "total");
  CHECK(layers[2].weights == 1088);
  CHECK(layers[2].file_bits == first.file_bits + layers[1].file_bits);
}
