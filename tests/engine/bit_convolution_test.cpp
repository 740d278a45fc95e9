// Convolutions on packed bits against the plain twin, bit for bit, and the twin against
// numbers worked out by hand.

#include "framework/engine/integer/bit_convolution.h"

#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"
#include "framework/engine/integer/bit_kernel.h"
#include "framework/engine/integer/convolution.h"
#include "framework/engine/reference/integer.h"
#include "tests/engine/integer_cases.h"

namespace bitsweep {
namespace {

using Bits = std::vector<std::uint64_t>;
using Weights = std::vector<std::int8_t>;
using Sums = std::vector<std::int32_t>;

Weights ternary_weights(std::size_t count) {
  Weights weights(count);
  for (std::size_t i = 0; i < count; ++i) {
    weights[i] = std::int8_t(random_byte(i, "weights") % 3 - 1);
  }
  return weights;
}

Weights binary_weights(std::size_t count) {
  Weights weights(count);
  for (std::size_t i = 0; i < count; ++i) {
    weights[i] = std::int8_t(random_byte(i, "signs") % 2 * 2 - 1);
  }
  return weights;
}

std::vector<std::uint8_t> random_codes(std::size_t count, int bits) {
  std::vector<std::uint8_t> codes(count);
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = std::uint8_t(random_byte(i, "codes") >> (8 - bits));
  }
  return codes;
}

// Codes of signs: 0 stands for +1, 1 for -1.
Bits packed(const std::vector<std::uint8_t>& codes, int planes, int channels) {
  const std::size_t pixels = codes.size() / std::size_t(channels);
  Bits bits(pixels * std::size_t(planes) * bit_words(channels));
  reference::pack_planes(codes, planes, channels, bits);
  return bits;
}

Sums run(BitConvolution& convolution, const ConvolutionGeometry& g, int images,
         const Bits& x, const Weights& w) {
  Sums y(std::size_t(images) * g.output.elements(), -1);
  convolution.pack_weights(w);
  convolution.forward(1, x.data(), y.data());
  return y;
}

Sums run(EngineKind kind, const ConvolutionGeometry& g, BitInput input, int images,
         const Bits& x, const Weights& w) {
  return run(*make_bit_convolution(kind, g, input, images, 2), g, images, x, w);
}

}  // namespace

TEST_CASE("a bit convolution by hand", "[integer]") {
  const auto kind = GENERATE(EngineKind::kReference, EngineKind::kOneDnn);
  const ConvolutionGeometry g{
      .input = {1, 3, 1}, .output = {1, 3, 1}, .kernel = 3, .pad = 1};
  const Bits signs = {0, 1, 1};  // +1 -1 -1
  CHECK(run(kind, g, {}, 1, signs, {1, 1, 1, 1, -1, -1, 1, 1, 1}) ==
        Sums{-1 + 1, 1 + 1 + 1, -1 + 1});
  CHECK(run(kind, g, {}, 1, signs, {1, 1, 1, 1, 0, -1, 1, 1, 1}) == Sums{1, 1 + 1, -1});
  const Bits codes = {1, 1, 0, 1, 1, 0};  // 3 2 1: the lower plane first
  CHECK(run(kind, g, {.planes = 2}, 1, codes, {1, 1, 1, 1, 0, -1, 1, 1, 1}) ==
        Sums{-2, 3 - 1, 2});
}

TEST_CASE("the fast bit convolutions are the plain one", "[integer][agreement]") {
  const auto c = GENERATE(from_range(integer_cases()));
  CAPTURE(c);
  const auto g = geometry_of(c);
  constexpr int images = 2;
  for (const int planes : {0, 1, 2, 3}) {
    const auto codes = random_codes(images * g.input.elements(), std::max(planes, 1));
    const auto x = packed(codes, std::max(planes, 1), c.channels);
    for (const auto& w :
         {binary_weights(g.weight_elements()), ternary_weights(g.weight_elements())}) {
      const auto expected = run(EngineKind::kReference, g, {planes}, images, x, w);
      for (const BitKernel& kernel : usable_bit_kernels()) {
        CAPTURE(planes, kernel.name);
        CHECK(run(*make_bit_convolution(kernel, g, {planes}, images, 2), g, images, x,
                  w) == expected);
      }
    }
  }
}

TEST_CASE("bits and bytes give the same sums", "[integer]") {
  const auto g = geometry_of({33, 20, 6, 5, 3, 1, 1, 1});
  const auto w = ternary_weights(g.weight_elements());
  const auto integer = make_integer_convolution(EngineKind::kOneDnn, g, {}, 1, 1);
  const auto codes = random_codes(g.input.elements(), 2);
  Sums expected(g.output.elements());
  integer->pack_weights(w, {});
  integer->forward(0, codes.data(), expected.data());
  CHECK(run(EngineKind::kOneDnn, g, {.planes = 2}, 1, packed(codes, 2, 33), w) ==
        expected);
}

TEST_CASE("long sums of equal bits are counted in full", "[integer]") {
  const ConvolutionGeometry g{.input = {1, 1, 40000}, .output = {1, 1, 17}};
  const Bits ones(bit_words(40000), ~std::uint64_t{0});
  for (const BitKernel& kernel : usable_bit_kernels()) {
    CAPTURE(kernel.name);
    const auto convolution = make_bit_convolution(kernel, g, {}, 1, 2);
    CHECK(run(*convolution, g, 1, ones, Weights(g.weight_elements(), 1)) ==
          Sums(17, -40000));
    CHECK(run(*convolution, g, 1, ones, Weights(g.weight_elements(), -1)) ==
          Sums(17, 40000));
    const auto planes = make_bit_convolution(kernel, g, {.planes = 1}, 1, 2);
    CHECK(run(*planes, g, 1, ones, Weights(g.weight_elements(), -1)) == Sums(17, -40000));
  }
}

TEST_CASE("packing of bits is the plain one", "[integer][agreement]") {
  const int channels = GENERATE(1, 3, 7, 8, 9, 16, 17, 31, 33, 63, 64, 65, 128, 130);
  CAPTURE(channels);
  const std::size_t pixels = 5, n = pixels * std::size_t(channels);
  const auto codes = random_codes(n, 8);
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = float(codes[i] % 5) - 2;
  x[0] = -0.0f;
  x[n / 2] = std::numeric_limits<float>::quiet_NaN();
  x[n - 1] = -std::numeric_limits<float>::denorm_min();
  Bits fast(pixels * bit_words(channels), 77), plain(fast.size(), 78);
  kernels::pack_signs(x, channels, fast);
  reference::pack_signs(x, channels, plain);
  CHECK(fast == plain);
  CHECK((fast[0] & 1) == (n == 1 ? 1 : 0));
  CHECK((fast.back() >> ((channels - 1) % 64)) == 1);

  const std::vector<std::int8_t> signed_codes(codes.begin(), codes.end());
  for (const int zero_point : {-128, -1, 0, 1, 127}) {
    kernels::pack_signs(signed_codes, zero_point, channels, fast);
    reference::pack_signs(signed_codes, zero_point, channels, plain);
    CHECK(fast == plain);
  }
  for (int planes = 1; planes <= 8; ++planes) {
    Bits fast_planes(fast.size() * std::size_t(planes), 77),
        plain_planes(fast_planes.size());
    kernels::pack_planes(codes, planes, channels, fast_planes);
    reference::pack_planes(codes, planes, channels, plain_planes);
    CHECK(fast_planes == plain_planes);
  }
}

}  // namespace bitsweep
