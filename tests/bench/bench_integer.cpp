// Images a second of a layer on one thread: float convolution, 8-bit codes, and packed
// bits, each with its ratio to float; packing of bits from bytes is part of their time.
// Then nanoseconds an element of what is done to codes. DNNL_MAX_CPU_ISA=AVX2 shows what
// oneDNN does on lesser CPUs.
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
#include "framework/engine/integer/bit_kernel.h"
#include "framework/engine/integer/bits.h"
#include "framework/engine/integer/convolution.h"
#include "framework/engine/integer/pooling.h"
#include "framework/engine/integer/requantize.h"
#include "framework/engine/integer/thresholds.h"

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

double bench_bits(const BitKernel& kernel, const ConvolutionGeometry& g, Weights kind,
                  int planes) {
  const auto convolution = make_bit_convolution(kernel, g, {planes}, kImages, 1);
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

void bench_layers(const std::string& filter) {
  const BitKernel best = usable_bit_kernels().front(), last = usable_bit_kernels().back();
  fmt::print("{:<20} {:>9} {:>16} {:>16} {:>16} {:>16} {:>16}  {}\n", "images/s", "float",
             "u8", "s8, zero point", "binary", fmt::format("binary, {}", last.name),
             "ternary x 2 bit", "8-bit kernel");
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
               ratio(bench_bits(best, g, Weights::kBinary, 0)),
               ratio(bench_bits(last, g, Weights::kBinary, 0)),
               ratio(bench_bits(best, g, Weights::kTernary, 2)),
               unsigned_codes.implementation);
  }
}

void print_codes(const std::string& filter, const std::string& name, std::size_t elements,
                 const std::function<void()>& call) {
  if (name.find(filter) == std::string::npos) return;
  fmt::print("{:<40} {:>8.3f}\n", name,
             1e9 * kImages / images_per_second(call) / double(elements));
}

void bench_thresholds(const std::string& filter, int channels, std::size_t thresholds) {
  const std::size_t n = std::size_t{1} << 14;
  const auto sums = codes<std::int32_t>(n, -100000, 100000);
  const auto values =
      codes<std::int32_t>(std::size_t(channels) * thresholds, -100000, 100000);
  const ThresholdCodes<std::int32_t> table({.channels = channels, .thresholds = values});
  std::vector<std::uint8_t> y(n);
  print_codes(filter,
              fmt::format("{} thresholds, {}", thresholds,
                          channels == 1 ? "one table" : "64 tables"),
              n, [&] { table.encode(sums, y); });
}

void bench_conversions(const std::string& filter) {
  fmt::print("nanoseconds an element\n");
  constexpr int kChannels = 64;
  const std::size_t n = std::size_t{1} << 14;
  const auto sums = codes<std::int32_t>(n, -100000, 100000);
  const std::vector<float> x(sums.begin(), sums.end());
  const auto bytes = codes<std::uint8_t>(n, 0, 255);
  const auto bias = codes<std::int32_t>(kChannels, -1000, 1000);
  const std::vector<float> multipliers(kChannels, 1e-3f);
  const std::vector<FixedPointMultiplier> fixed(kChannels, fixed_point_multiplier(1e-3));
  std::vector<std::uint8_t> y(n);
  std::vector<float> values(n);
  std::vector<std::uint64_t> bits(n);
  const CodeRange range;
  print_codes(filter, "quantize_values", n,
              [&] { kernels::quantize_values<std::uint8_t>(x, 0.1f, range, y); });
  print_codes(filter, "requantize", n, [&] {
    kernels::requantize<std::uint8_t>(sums, multipliers, bias, kChannels, range, y);
  });
  print_codes(filter, "requantize_fixed_point", n, [&] {
    kernels::requantize_fixed_point<std::uint8_t>(sums, fixed, bias, kChannels, range, y);
  });
  for (const std::size_t thresholds : {1u, 3u, 15u, 24u, 25u, 255u}) {
    bench_thresholds(filter, 1, thresholds);
    bench_thresholds(filter, kChannels, thresholds);
  }
  const auto g = pool_geometry({16, 16, kChannels}, 2, 2, 0, false);
  print_codes(filter, "max_pool_codes 2x2/2", n,
              [&] { kernels::max_pool_codes<std::uint8_t>(g, 1, bytes, y); });
  print_codes(filter, "look_up", n,
              [&] { kernels::look_up(bytes, std::span(x).first(256), values); });
  print_codes(filter, "pack_signs of float", n,
              [&] { kernels::pack_signs(x, kChannels, bits); });
  print_codes(filter, "pack_planes of 2 bits", n,
              [&] { kernels::pack_planes(bytes, 2, kChannels, bits); });
}

}  // namespace

int main(int argc, char** argv) {
  set_threads(1);
  const std::string filter = argc > 1 ? argv[1] : "";
  fmt::print("one thread, slices of {} images, {}, bits by {}\n", kImages,
             engine_name(EngineKind::kOneDnn), usable_bit_kernels().front().name);
  bench_layers(filter);
  bench_conversions(filter);
}
