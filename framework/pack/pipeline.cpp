#include "framework/pack/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "framework/core/error.h"
#include "framework/engine/elementwise.h"
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

// Once for each value of a block, so that loops over it know no channels.
std::vector<float> Pipeline::spread(const std::vector<float>& by_channel) const {
  std::vector<float> all(block_);
  for (std::size_t i = 0; i < block_; ++i) all[i] = by_channel[i % by_channel.size()];
  return all;
}

void Pipeline::from_sums(std::vector<float> factor, std::vector<float> offset) {
  works_.push_back([m = spread(factor), b = spread(offset)](const Block& block) {
    const std::int32_t* const sums = block.sums;
    const float *const factors = m.data(), *const offsets = b.data();
    float* const y = block.values.data();
#pragma GCC ivdep
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      y[i] = float(sums[i]) * factors[i] + offsets[i];
    }
  });
}

void Pipeline::from_floats(StoredValue& value) { source_ = &value; }

void Pipeline::change(Work work) {
  changes_ = true;
  works_.push_back(std::move(work));
}

// float(±sum + bias) * factor, rounded half to even; then times the output's scale, from
// which `quantize` finds the same codes again.
void Pipeline::from_requantized_sums(const Requantization& r) {
  std::vector<std::int32_t> sign(block_), bias(block_);
  for (std::size_t i = 0; i < block_; ++i) {
    sign[i] = r.negated[i % r.negated.size()] ? -1 : 1;
    bias[i] = r.bias[i % r.bias.size()];
  }
  works_.push_back([sign, bias, m = spread(r.factor), low = float(r.low),
                    high = float(r.high), scale = r.output_scale](const Block& block) {
    const std::int32_t *const sums = block.sums, *const signs = sign.data(),
                              *const biases = bias.data();
    const float* const factors = m.data();
    float* const y = block.values.data();
#pragma GCC ivdep
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      const auto sum = float(sums[i] * signs[i] + biases[i]);
      const float code = round_half_even(sum * factors[i]);
      const float raised = code < low ? low : code;
      y[i] = (raised > high ? high : raised) * scale;
    }
  });
}

void Pipeline::affine(const std::vector<float>& scale, const std::vector<float>& shift) {
  change([m = spread(scale), b = spread(shift)](const Block& block) {
    const float *const factors = m.data(), *const offsets = b.data();
    float* const y = block.values.data();
#pragma GCC ivdep
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      y[i] = y[i] * factors[i] + offsets[i];
    }
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
  const int channels = shape_.channels;
  works_.push_back([&form, &value, channels](const Block& block) {
    const std::size_t size = block.values.size();
    std::span<std::uint8_t> bytes;
    std::span<float> floats;
    std::span<std::uint64_t> bits;
    if (value.needs_bytes) bytes = {value.bytes.data() + block.begin, size};
    if (value.needs_floats) floats = {value.floats.data() + block.begin, size};
    if (value.needs_bits) {
      const std::size_t words = bit_words(channels);
      bits = {value.bits.data() + block.begin / std::size_t(channels) * words,
              size / std::size_t(channels) * words};
    }
    if (size <= CodeForm::kBlock) {
      return form.encode(block.values, channels, bytes, floats, bits);
    }
    // One pixel of many channels.
    for (std::size_t at = 0; at < size; at += CodeForm::kBlock) {
      const std::size_t part = std::min(CodeForm::kBlock, size - at);
      const auto of = [&](auto span) {
        return span.empty() ? span : span.subspan(at, part);
      };
      form.encode(block.values.subspan(at, part), int(part), of(bytes), of(floats),
                  bits.empty() ? bits : bits.subspan(at / 64, (part + 63) / 64));
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
