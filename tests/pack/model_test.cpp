#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/pack/model_file.h"
#include "tests/pack/packed_networks.h"

namespace bitsweep {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Catch::Matchers::Contains;

const EdgesSpec kAll{.first = "method", .last = "method", .bias = "method"};

Quantized quantized(const std::string& method = "lsq",
                    std::vector<std::pair<const char*, const char*>> pairs = {}) {
  return {plain_model(), method, std::move(pairs), kAll};
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
  CHECK_THROWS_WITH(parse_model(Bytes{}), "it is no packed model of bitsweep");
  Bytes newer = bytes;
  newer[4] = 9;
  CHECK_THROWS_WITH(parse_model(newer),
                    "it has version 9 of the format; this program reads version 1");
  Bytes longer = bytes;
  longer.push_back(0);
  CHECK_THROWS_WITH(parse_model(longer), Contains("checksum"));
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
