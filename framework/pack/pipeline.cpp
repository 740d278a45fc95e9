#include "framework/pack/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "framework/core/error.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/integer/requantize.h"
#include "framework/engine/relu6.h"
#include "framework/engine/rounding.h"

namespace bitsweep {

Pipeline::Pipeline(ImageShape shape) : shape_(shape) {
  const auto channels = std::size_t(shape.channels);
  // A flat vector longer than a block is taken as pixels of one channel by those
  // operations that know no channels; see `run`.
  constexpr std::size_t kWanted = 2048;
  block_ = std::max<std::size_t>(1, kWanted / channels) * channels;
}

// Repeated to whole vectors, so that loops over it know no channels.
template <class T>
std::vector<T> Pipeline::spread(const std::vector<T>& by_channel) const {
  constexpr std::size_t kLeast = 64;
  const auto channels = std::size_t(shape_.channels);
  const std::size_t repeats =
      std::min((kLeast + channels - 1) / channels, block_ / channels);
  std::vector<T> all(repeats * channels);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = by_channel[i % by_channel.size()];
  return all;
}

namespace {

// y[i] = y(x[i], a[i], b[i]), a and b being repeated.
template <class X, class A, class F>
void map_channels(const X* x, const std::vector<A>& a, const std::vector<float>& b,
                  std::span<float> y, F f) {
  for (std::size_t at = 0; at < y.size(); at += a.size()) {
    const std::size_t count = std::min(a.size(), y.size() - at);
    const X* const from = x + at;
    const A* const own_a = a.data();
    const float* const own_b = b.data();
    float* const to = y.data() + at;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) to[i] = f(from[i], own_a[i], own_b[i]);
  }
}

}  // namespace

void Pipeline::from_sums(const std::vector<std::int32_t>& start,
                         const std::vector<float>& factor,
                         const std::vector<float>& offset) {
  if (!start.empty()) {
    works_.push_back([s = spread(start), m = spread(factor)](const Block& block) {
      map_channels(block.sums, s, m, block.values,
                   [](std::int32_t sum, std::int32_t from, float by) {
                     return float(sum + from) * by;
                   });
    });
    return;
  }
  works_.push_back([m = spread(factor), b = spread(offset)](const Block& block) {
    map_channels(
        block.sums, m, b, block.values,
        [](std::int32_t sum, float by, float to) { return float(sum) * by + to; });
  });
}

void Pipeline::from_floats(StoredValue& value) { source_ = &value; }

void Pipeline::change(Work work) {
  changes_ = true;
  works_.push_back(std::move(work));
}

// Codes' values, from which `quantize` finds the same codes again.
void Pipeline::from_requantized_sums(const Requantization& requantization) {
  if (requantization.how == Requantize::kFixedPoint) {
    from_fixed_point(requantization);
  } else {
    from_scaled(requantization);
  }
}

// float(±sum + bias) * factor, rounded half to even: a code less its zero point.
void Pipeline::from_scaled(const Requantization& r) {
  const auto low = float(r.low - r.zero_point), high = float(r.high - r.zero_point);
  works_.push_back([r, low, high](const Block& block) {
    const std::size_t channels = r.bias.size();
    for (std::size_t at = 0; at < block.values.size(); at += channels) {
      const std::int32_t* const sums = block.sums + at;
      const std::int32_t *const signs = r.sign.data(), *const biases = r.bias.data();
      const float* const factors = r.factor.data();
      float* const y = block.values.data() + at;
#pragma GCC ivdep
      for (std::size_t c = 0; c < channels; ++c) {
        const auto sum = float(sums[c] * signs[c] + biases[c]);
        const float code = round_half_even(sum * factors[c]);
        const float raised = code < low ? low : code;
        y[c] = (raised > high ? high : raised) * r.output_scale;
      }
    }
  });
}

// On integers to the end.
void Pipeline::from_fixed_point(const Requantization& r) {
  works_.push_back([r](const Block& block) {
    const std::size_t size = block.values.size(), channels = r.bias.size();
    std::vector<std::int32_t> sums(block.sums, block.sums + size);
    for (std::size_t i = 0; i < size; ++i) sums[i] *= r.sign[i % channels];
    std::vector<std::int16_t> codes(size);
    kernels::requantize_fixed_point<std::int16_t>(
        sums, r.multiplier, r.bias, int(channels),
        {.zero_point = r.zero_point, .low = r.low, .high = r.high}, codes);
    for (std::size_t i = 0; i < size; ++i) {
      block.values[i] = float(codes[i] - r.zero_point) * r.output_scale;
    }
  });
}

void Pipeline::affine(const std::vector<float>& scale, const std::vector<float>& shift) {
  change([m = spread(scale), b = spread(shift)](const Block& block) {
    map_channels(block.values.data(), m, b, block.values,
                 [](float x, float by, float to) { return x * by + to; });
  });
}

void Pipeline::relu() {
  change([](const Block& block) { kernels::relu_forward(block.values, block.values); });
}

void Pipeline::relu6() {
  change([](const Block& block) { kernels::relu6_forward(block.values, block.values); });
}

void Pipeline::hard_tanh() {
  change(
      [](const Block& block) { kernels::hard_tanh_forward(block.values, block.values); });
}

void Pipeline::add(StoredValue& other) {
  change([&other](const Block& block) {
    kernels::add_into({other.floats.data() + block.begin, block.values.size()},
                      block.values);
  });
}

void Pipeline::scale_pixels(const Buffer& scales) {
  const auto channels = std::size_t(shape_.channels);
  change([&scales, channels](const Block& block) {
    const float* const own = scales.data() + block.begin / channels;
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      block.values[i] *= own[i / channels];
    }
  });
}

void Pipeline::store_floats(StoredValue& value) {
  works_.push_back([&value](const Block& block) {
    if (!value.needs_floats) return;
    std::copy_n(block.values.data(), block.values.size(),
                value.floats.data() + block.begin);
  });
}

void Pipeline::quantize(const CodeForm& form, StoredValue& value) {
  encode(form, value, false);
}

void Pipeline::quantize_block(const CodeForm& form, StoredValue& value) {
  changes_ = true;
  encode(form, value, true);
  store_floats(value);
}

void Pipeline::encode(const CodeForm& form, StoredValue& value, bool keeps_levels) {
  const int channels = shape_.channels;
  works_.push_back([&form, &value, channels, keeps_levels](const Block& block) {
    const std::size_t size = block.values.size();
    std::span<std::uint8_t> bytes, high_bytes;
    std::span<float> floats;
    std::span<std::uint64_t> bits;
    if (value.needs_bytes) bytes = {value.bytes.data() + block.begin, size};
    if (value.needs_high_bytes) {
      high_bytes = {value.high_bytes.data() + block.begin, size};
    }
    if (value.needs_floats) floats = {value.floats.data() + block.begin, size};
    if (keeps_levels) floats = block.values;
    if (value.needs_bits) {
      const std::size_t words = bit_words(channels);
      bits = {value.bits.data() + block.begin / std::size_t(channels) * words,
              size / std::size_t(channels) * words};
    }
    if (size <= CodeForm::kBlock) {
      return form.encode(block.values, channels, bytes, floats, bits, high_bytes);
    }
    // One pixel of many channels.
    for (std::size_t at = 0; at < size; at += CodeForm::kBlock) {
      const std::size_t part = std::min(CodeForm::kBlock, size - at);
      const auto of = [&](auto span) {
        return span.empty() ? span : span.subspan(at, part);
      };
      form.encode(block.values.subspan(at, part), int(part), of(bytes), of(floats),
                  bits.empty() ? bits : bits.subspan(at / 64, (part + 63) / 64),
                  of(high_bytes));
    }
  });
}

void Pipeline::run(const Slice& slice, const std::int32_t* sums) const {
  constexpr std::size_t kUsual = 4096;
  std::array<float, kUsual> usual;
  std::vector<float> large(block_ > kUsual ? block_ : 0);
  float* const room = large.empty() ? usual.data() : large.data();
  const std::size_t begin = std::size_t(slice.begin) * shape_.elements();
  const std::size_t size = std::size_t(slice.images) * shape_.elements();
  for (std::size_t at = 0; at < size; at += block_) {
    const std::size_t own = std::min(block_, size - at);
    float* values = room;
    if (source_ != nullptr) {  // as it lies, where the block stays as it is
      float* const stored = source_->floats.data() + begin + at;
      values = changes_ ? std::copy_n(stored, own, room) - own : stored;
    }
    const Block block{.values = {values, own},
                      .begin = begin + at,
                      .sums = sums + (sums == nullptr ? 0 : at)};
    for (const Work& work : works_) work(block);
  }
}

}  // namespace bitsweep
