// Products of two-byte codes: the fast ones against the plain 64-bit twin, bit for bit,
// and the twin against numbers worked out by hand.

#include "framework/engine/integer/split_convolution.h"

#include <vector>

#include <catch2/catch.hpp>

#include "tests/engine/integer_cases.h"

namespace bitsweep {
namespace {

constexpr int kSplitImages = 2;

struct SplitProduct {
  ConvolutionGeometry g;
  SplitCodes codes;
  std::vector<std::uint8_t> high, low;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> start;
  std::vector<float> factors, bias;
};

SplitProduct product_of(const ConvolutionGeometry& g, const SplitCodes& codes) {
  const std::size_t inputs = kSplitImages * g.input.elements();
  const auto filters = std::size_t(g.output.channels);
  SplitProduct p{g,
                 codes,
                 std::vector<std::uint8_t>(inputs),
                 std::vector<std::uint8_t>(inputs),
                 std::vector<std::int8_t>(g.weight_elements()),
                 std::vector<std::int32_t>(filters),
                 std::vector<float>(filters, 1.0f),
                 std::vector<float>(filters, 0.0f)};
  return p;
}

// int16 codes with their sign: high bytes signed, low bytes not.
void set_codes(SplitProduct& p, int code) {
  p.high.assign(p.high.size(), std::uint8_t(code >> 8));
  p.low.assign(p.low.size(), std::uint8_t(code & 255));
}

std::vector<float> run(EngineKind kind, const SplitProduct& p) {
  const std::size_t outputs = kSplitImages * p.g.output.elements();
  std::vector<float> y(outputs, -1);
  std::vector<std::int32_t> room(2 * outputs);
  const auto convolution = make_split_convolution(kind, p.g, p.codes, kSplitImages, 2);
  convolution->pack_weights(p.weights, p.start, p.factors, p.bias);
  convolution->forward(1, p.high.data(), p.low.data(), room, y.data());
  return y;
}

void check_same(const SplitProduct& p) {
  CHECK(run(EngineKind::kOneDnn, p) == run(EngineKind::kReference, p));
}

}  // namespace

TEST_CASE("a product of two-byte codes by hand", "[integer]") {
  const ConvolutionGeometry g{.input = {1, 1, 3}, .output = {1, 1, 2}};
  SplitProduct p = product_of(g, {});
  // -32767 = 256 * -128 + 1, 300 = 256 * 1 + 44, -1 = 256 * -1 + 255
  p.high = {0x80, 1, 0xff, 0, 0, 0};
  p.low = {1, 44, 255, 1, 2, 3};
  p.weights = {-127, 2, 3, 1, 1, 1};
  p.start = {5, -3};
  p.factors = {1, 0.5};
  p.bias = {0, 0.25};
  // -32767 * -127 + 600 - 3 + 5; (-32767 + 300 - 1 - 3) / 2 + 1/4
  // -127 + 4 + 9 + 5; (1 + 2 + 3 - 3) / 2 + 1/4
  const std::vector<float> expected = {4162011, -16235.25, -109, 1.75};
  CHECK(run(EngineKind::kReference, p) == expected);
  CHECK(run(EngineKind::kOneDnn, p) == expected);
  // The bytes of -32767 + 40000, 300 + 40000, -1 + 40000; and of 1, 2, 3 + 40000.
  SplitProduct shifted = p;
  shifted.codes = {.high = {false, 40000 / 256}, .low = {false, 40000 % 256}};
  const int codes[] = {7233, 40300, 39999, 40001, 40002, 40003};
  for (std::size_t i = 0; i < 6; ++i) {
    shifted.high[i] = std::uint8_t(codes[i] / 256);
    shifted.low[i] = std::uint8_t(codes[i] % 256);
  }
  CHECK(run(EngineKind::kReference, shifted) == expected);
  CHECK(run(EngineKind::kOneDnn, shifted) == expected);
}

TEST_CASE("fast products of two-byte codes are the plain ones", "[integer][agreement]") {
  const auto c = GENERATE(from_range(integer_cases()));
  CAPTURE(c);
  const SplitCodes all[] = {{},
                            {.high = {false, 0}, .low = {false, 0}},
                            {.high = {false, 127}, .low = {false, 255}}};
  for (const SplitCodes& codes : all) {
    CAPTURE(codes.high.is_signed, codes.high.zero_point, codes.low.zero_point);
    SplitProduct p = product_of(geometry_of(c), codes);
    for (std::size_t i = 0; i < p.high.size(); ++i) {
      p.high[i] = random_byte(i, "high");
      p.low[i] = random_byte(i, "low");
    }
    for (std::size_t i = 0; i < p.weights.size(); ++i) {
      p.weights[i] = std::int8_t(random_byte(i, "weights"));
    }
    for (std::size_t f = 0; f < p.start.size(); ++f) {
      p.start[f] = (random_byte(f, "start") - 128) * 16000000;
      p.factors[f] = 0.001f * float(1 + random_byte(f, "factors"));
      p.bias[f] = float(random_byte(f, "bias"));
    }
    check_same(p);
  }
}

TEST_CASE("the largest sums of two-byte codes are exact", "[integer]") {
  // One more weight, and the low bytes' sum might leave 32 bits: 66311 * 127 * 255.
  constexpr int kLongest = 66311;
  const ConvolutionGeometry longest{.input = {1, 1, kLongest}, .output = {1, 1, 3}};
  const ConvolutionGeometry image{
      .input = {4, 5, 300}, .output = {4, 5, 17}, .kernel = 3, .pad = 1};
  for (const ConvolutionGeometry& g : {longest, image}) {
    SplitProduct p = product_of(g, {});
    p.start.assign(p.start.size(), 2147483647);
    const std::size_t filter = p.weights.size() / p.start.size();
    for (const int code : {-32768, -32767, 32767, 255, -256, -1}) {
      CAPTURE(code, filter);
      set_codes(p, code);
      for (const int weight : {-127, 127}) {
        p.weights.assign(p.weights.size(), std::int8_t(weight));
        check_same(p);
      }
      // Large products that leave a small sum: nothing of it is lost.
      for (std::size_t i = 0; i < p.weights.size(); ++i) {
        p.weights[i] = i % filter % 2 == 0 ? 127 : -127;
      }
      check_same(p);
    }
  }
}

}  // namespace bitsweep
