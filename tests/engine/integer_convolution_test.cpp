// The fast integer convolution against the plain twin, bit for bit, and the twin against
// numbers worked out by hand.

#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"
#include "framework/engine/integer/block_convolution.h"
#include "framework/engine/integer/convolution.h"
#include "framework/engine/integer/wide_convolution.h"
#include "tests/engine/integer_cases.h"

namespace bitsweep {
namespace {

using Codes = std::vector<std::uint8_t>;
using Weights = std::vector<std::int8_t>;
using Sums = std::vector<std::int32_t>;

Sums run(IntegerConvolution& convolution, const ConvolutionGeometry& g, int images,
         const Codes& x, const Weights& w, const Weights& zero_points) {
  Sums y(std::size_t(images) * g.output.elements(), -1);
  convolution.pack_weights(w, zero_points);
  convolution.forward(1, x.data(), y.data());
  return y;
}

Sums run(EngineKind kind, const ConvolutionGeometry& g, InputCodes input, int images,
         const Codes& x, const Weights& w, const Weights& zero_points = {}) {
  return run(*make_integer_convolution(kind, g, input, images, 2), g, images, x, w,
             zero_points);
}

Codes random_codes(std::size_t count) {
  Codes codes(count);
  for (std::size_t i = 0; i < count; ++i) codes[i] = random_byte(i, "codes");
  return codes;
}

Weights random_weights(std::size_t count) {
  Weights weights(count);
  for (std::size_t i = 0; i < count; ++i) {
    weights[i] = std::int8_t(random_byte(i, "weights"));
  }
  return weights;
}

const InputCodes kInputs[] = {{false, 0}, {false, 255}, {false, 7},
                              {true, 0},  {true, -128}, {true, 5}};

}  // namespace

TEST_CASE("an integer convolution by hand", "[integer]") {
  // A 1x3 image of codes 3 5 0 with zero point 2 stands for 1 3 -2.
  const ConvolutionGeometry g{
      .input = {1, 3, 1}, .output = {1, 3, 1}, .kernel = 3, .pad = 1};
  const Weights w = {9, 9, 9, 1, -2, 4, 9, 9, 9};
  const auto kind = GENERATE(EngineKind::kReference, EngineKind::kOneDnn);
  CHECK(run(kind, g, {false, 2}, 1, {3, 5, 0}, w) == Sums{-2 + 12, 1 - 6 - 8, 3 + 4});
  // Less a zero point of 1, the weights are 0 -3 3.
  CHECK(run(kind, g, {false, 2}, 1, {3, 5, 0}, w, {1}) == Sums{-3 + 9, 0 - 9 - 6, 0 + 6});
}

TEST_CASE("the fast integer convolutions are the plain one", "[integer][agreement]") {
  const auto c = GENERATE(from_range(integer_cases()));
  const auto g = geometry_of(c);
  constexpr int images = 2;
  const auto x = random_codes(images * g.input.elements());
  const auto w = random_weights(g.weight_elements());
  const auto zero_points = random_weights(std::size_t(g.output.channels));
  CAPTURE(c);
  for (const InputCodes input : kInputs) {
    CAPTURE(input.is_signed, input.zero_point);
    const auto expected = run(EngineKind::kReference, g, input, images, x, w);
    CHECK(run(EngineKind::kOneDnn, g, input, images, x, w) == expected);
    WideConvolution wide(g, input, images, 2);
    CHECK(run(wide, g, images, x, w, {}) == expected);
  }
  CHECK(run(EngineKind::kOneDnn, g, {true, 3}, images, x, w, zero_points) ==
        run(EngineKind::kReference, g, {true, 3}, images, x, w, zero_points));
}

TEST_CASE("blocks are added in float, in their order", "[integer]") {
  // 1 * 2 * 0.5 + 3 * -1 * 0.25 + 0.125.
  const ConvolutionGeometry g{
      .input = {1, 1, 2}, .output = {1, 1, 1}, .kernel = 1, .pad = 0};
  for (const EngineKind kind : {EngineKind::kReference, EngineKind::kOneDnn}) {
    const auto blocks = make_block_convolution(kind, g, {false, 7}, 1, 1, 1);
    blocks->pack_weights(Weights{2, -1}, std::vector<float>{0.5f, 0.25f},
                         std::vector<float>{0.125f});
    const Codes x = {8, 10};
    float y = 0;
    blocks->forward(0, x.data(), &y);
    CHECK(y == 1 - 0.75f + 0.125f);
  }
}

TEST_CASE("the fast convolution in blocks is the plain one", "[integer][agreement]") {
  const auto c = GENERATE(from_range(integer_cases()));
  const auto g = geometry_of(c);
  constexpr int images = 2;
  const auto x = random_codes(images * g.input.elements());
  const auto w = random_weights(g.weight_elements());
  const auto filters = std::size_t(g.output.channels);
  const std::size_t filter = g.weight_elements() / filters;
  for (const std::size_t block :
       {std::size_t(g.kernel.area()), filter / std::size_t(g.kernel.area()), filter}) {
    CAPTURE(c, block);
    std::vector<float> factors(filters * (filter / block)), bias(filters);
    for (std::size_t i = 0; i < factors.size(); ++i) {
      factors[i] = 0.01f * float(1 + random_byte(i, "factors"));
    }
    for (std::size_t i = 0; i < filters; ++i) bias[i] = float(random_byte(i, "bias"));
    for (const InputCodes input : {InputCodes{false, 7}, InputCodes{true, 5}}) {
      const auto run_on = [&](EngineKind kind) {
        const auto convolution = make_block_convolution(kind, g, input, images, 2, block);
        convolution->pack_weights(w, factors, bias);
        std::vector<float> y(images * g.output.elements());
        convolution->forward(1, x.data(), y.data());
        return y;
      };
      CHECK(run_on(EngineKind::kOneDnn) == run_on(EngineKind::kReference));
    }
  }
}

TEST_CASE("extreme sums neither saturate nor lose a bit", "[integer]") {
  // 255 * -128 twice is beyond 16 bits, and 3000 products of 255 * 127 are beyond the 24
  // bits of float.
  const int channels = GENERATE(1, 2, 64, 3000);
  const auto code = GENERATE(std::uint8_t{255}, std::uint8_t{254}, std::uint8_t{128});
  const auto weight = GENERATE(std::int8_t{-128}, std::int8_t{-127}, std::int8_t{127});
  const ConvolutionGeometry g{.input = {1, 2, channels}, .output = {1, 2, 5}};
  Codes x(g.input.elements(), code);
  x[0] = 3;  // an odd one, so that sums are not multiples of powers of two
  const Weights w(g.weight_elements(), weight);
  for (const InputCodes input : kInputs) {
    const auto value = [&](std::uint8_t c) {
      return (input.is_signed ? std::int8_t(c) : c) - input.zero_point;
    };
    const int second = channels * weight * value(code);
    const int first = second + weight * (value(3) - value(code));
    Sums expected(10, first);
    std::fill(expected.begin() + 5, expected.end(), second);
    CHECK(run(EngineKind::kOneDnn, g, input, 1, x, w) == expected);
    CHECK(run(EngineKind::kReference, g, input, 1, x, w) == expected);
  }
}

TEST_CASE("a kernel as large as the image is a linear layer", "[integer]") {
  const ConvolutionGeometry whole{.input = {4, 4, 9}, .output = {1, 1, 11}, .kernel = 4};
  const ConvolutionGeometry flat{.input = {1, 1, 144}, .output = {1, 1, 11}};
  const auto x = random_codes(3 * 144);
  const auto w = random_weights(whole.weight_elements());
  const auto expected = run(EngineKind::kReference, whole, {false, 3}, 3, x, w);
  CHECK(run(EngineKind::kReference, flat, {false, 3}, 3, x, w) == expected);
  CHECK(run(EngineKind::kOneDnn, whole, {false, 3}, 3, x, w) == expected);
  CHECK(run(EngineKind::kOneDnn, flat, {false, 3}, 3, x, w) == expected);
}

}  // namespace bitsweep
