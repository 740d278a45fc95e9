// Images a second of a layer on one thread: float convolution, 8-bit codes, and packed
// bits, each with its ratio to float. The time of packing signs from int8 is in "binary".
//   bench_integer [part of a name]

#include <algorithm>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "framework/core/parallel.h"
#include "framework/core/random.h"
#include "framework/engine/integer/bit_convolution.h"
#include "framework/engine/integer/bits.h"
#include "framework/engine/integer/convolution.h"

namespace {

using namespace bitsweep;

constexpr int kImages = 16;

struct Layer {
  const char* name;
  ImageShape input;
  int filters, kernel, stride, pad;

  ConvolutionGeometry geometry() const {
    return {.input = input,
            .output = convolution_output(input, filters, kernel, stride, pad),
            .kernel = kernel,
            .stride = stride,
            .pad = pad};
  }
};

const Layer kLayers[] = {
    {"lenet conv1", {28, 28, 1}, 20, 5, 1, 0},
    {"lenet conv2", {12, 12, 20}, 50, 5, 1, 0},
    {"lenet ip1", {1, 1, 800}, 500, 1, 1, 0},
    {"lenet ip2", {1, 1, 500}, 10, 1, 1, 0},
    {"cifar10-full conv1", {32, 32, 3}, 32, 5, 1, 2},
    {"cifar10-full conv2", {16, 16, 32}, 32, 5, 1, 2},
    {"cifar10-full conv3", {8, 8, 32}, 64, 5, 1, 2},
    {"resnet-20 stage1", {32, 32, 16}, 16, 3, 1, 1},
    {"resnet-20 stage2", {16, 16, 32}, 32, 3, 1, 1},
    {"resnet-20 stage3", {8, 8, 64}, 64, 3, 1, 1},
    {"resnet-20 down", {16, 16, 32}, 64, 3, 2, 1},
    {"5x5 of 32 at 32x32", {32, 32, 32}, 64, 5, 1, 2},
    {"5x5 of 64 at 14x14", {14, 14, 64}, 64, 5, 1, 2},
    {"5x5 of 64 at 8x8", {8, 8, 64}, 64, 5, 1, 2},
    {"3x3 of 256 at 8x8", {8, 8, 256}, 256, 3, 1, 1},
};

template <class T>
std::vector<T> codes(std::size_t n, int low, int high) {
  const RandomStream random(1, "bench");
  std::vector<T> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] =
        T(low + int(random.below_at(std::uint32_t(i), std::uint32_t(high - low + 1))));
  }
  return values;
}

/// By the processor's time, so that other programs disturb little; the best of several
/// rounds, each of about 10 ms.
double images_per_second(const std::function<void()>& call) {
  const auto time = [&](int calls) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < calls; ++i) call();
    return double(std::clock() - start) / CLOCKS_PER_SEC / calls;
  };
  const int calls = 1 + int(0.01 / std::max(time(3), 1e-7));
  double best = time(calls);
  for (int round = 0; round < 8; ++round) best = std::min(best, time(calls));
  return kImages / best;
}

double bench_float(const ConvolutionGeometry& g) {
  const auto convolution = make_convolution(EngineKind::kOneDnn, g, kImages, 1, false);
  const auto x = codes<float>(kImages * g.input.elements(), -8, 8);
  const auto w = codes<float>(g.weight_elements(), -8, 8);
  std::vector<float> y(kImages * g.output.elements());
  convolution->pack_weights(w.data(), std::vector<float>(w.size()).data());
  return images_per_second([&] { convolution->forward(0, x.data(), y.data()); });
}

struct IntegerSpeed {
  double images;
  std::string implementation;
};

IntegerSpeed bench_codes(const ConvolutionGeometry& g, InputCodes input) {
  const auto convolution =
      make_integer_convolution(EngineKind::kOneDnn, g, input, kImages, 1);
  const auto x = codes<std::uint8_t>(kImages * g.input.elements(), 0, 255);
  const auto w = codes<std::int8_t>(g.weight_elements(), -127, 127);
  std::vector<std::int32_t> y(kImages * g.output.elements());
  convolution->pack_weights(w, {});
  return {images_per_second([&] { convolution->forward(0, x.data(), y.data()); }),
          convolution->implementation()};
}

enum class Weights { kBinary, kTernary };

double bench_bits(const ConvolutionGeometry& g, Weights kind, int planes) {
  const auto convolution =
      make_bit_convolution(EngineKind::kOneDnn, g, {planes}, kImages, 1);
  const int low = planes == 0 ? -127 : 0, high = planes == 0 ? 127 : (1 << planes) - 1;
  const std::size_t n = kImages * g.input.elements();
  const auto signs = codes<std::int8_t>(n, low, high);
  const auto levels = codes<std::uint8_t>(n, 0, std::max(high, 1));
  auto w = codes<std::int8_t>(g.weight_elements(), -1, 1);
  for (auto& weight : w) {
    if (kind == Weights::kBinary && weight == 0) weight = 1;
  }
  const std::size_t rows = kImages * g.input.pixels() * std::size_t(std::max(planes, 1));
  std::vector<std::uint64_t> bits(rows * bit_words(g.input.channels));
  std::vector<std::int32_t> y(kImages * g.output.elements());
  convolution->pack_weights(w);
  return images_per_second([&] {
    if (planes == 0) {
      kernels::pack_signs(signs, 0, g.input.channels, bits);
    } else {
      kernels::pack_planes(levels, planes, g.input.channels, bits);
    }
    convolution->forward(0, bits.data(), y.data());
  });
}

}  // namespace

int main(int argc, char** argv) {
  set_threads(1);
  const std::string filter = argc > 1 ? argv[1] : "";
  fmt::print("one thread, slices of {} images, {}, bits by {}\n", kImages,
             engine_name(EngineKind::kOneDnn),
             make_bit_convolution(EngineKind::kOneDnn, kLayers[0].geometry(), {}, 1, 1)
                 ->implementation());
  fmt::print("{:<20} {:>9} {:>16} {:>16} {:>16} {:>16} {:>16}  {}\n", "images/s", "float",
             "u8", "s8, zero point", "binary", "ternary x sign", "ternary x 2 bit",
             "8-bit kernel");
  for (const Layer& layer : kLayers) {
    if (std::string(layer.name).find(filter) == std::string::npos) continue;
    const auto g = layer.geometry();
    const double base = bench_float(g);
    const auto ratio = [base](double images) {
      return fmt::format("{:>9.0f} x{:<5.1f}", images, images / base);
    };
    const auto unsigned_codes = bench_codes(g, {});
    fmt::print("{:<20} {:>9.0f} {} {} {} {} {}  {}\n", layer.name, base,
               ratio(unsigned_codes.images), ratio(bench_codes(g, {true, 3}).images),
               ratio(bench_bits(g, Weights::kBinary, 0)),
               ratio(bench_bits(g, Weights::kTernary, 0)),
               ratio(bench_bits(g, Weights::kTernary, 2)), unsigned_codes.implementation);
  }
}
