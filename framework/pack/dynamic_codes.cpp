#include "framework/pack/dynamic_codes.h"

#include <algorithm>

#include "framework/engine/reductions.h"

namespace bitsweep {
namespace {

// Of the least and the largest number in x.
Range range_of(std::span<const float> x) {
  const auto [low, high] = kernels::min_max(x);
  return low <= high ? Range{low, high} : Range{};
}

}  // namespace

SliceWork encode_images_work(StoredValue& from, const CodeForm& form, StoredValue& to,
                             ImageScales& scales) {
  return [&from, &to, &form, &scales](const Slice& slice) {
    const auto x = from.floats_of(slice);
    const std::size_t size = from.shape.elements();
    for (std::size_t image = 0; image < std::size_t(slice.images); ++image) {
      const auto part = [&](auto values) { return values.subspan(image * size, size); };
      const UniformQuantization q = form.quantization_over(range_of(part(x)));
      scales[std::size_t(slice.begin) + image] = q;
      form.encode_in(
          q, part(x),
          to.needs_bytes ? part(to.bytes_of(slice)) : std::span<std::uint8_t>{},
          to.needs_floats ? part(to.floats_of(slice)) : std::span<float>{});
    }
  };
}

BatchCodes::BatchCodes(StoredValue& from, const CodeForm& form, StoredValue& to,
                       ImageScales& scales, std::span<const Slice> slices,
                       const int& count)
    : from_(from),
      to_(to),
      form_(form),
      scales_(scales),
      slices_(slices.begin(), slices.end()),
      ranges_(slices.size()),
      count_(count) {}

void BatchCodes::measure(const Slice& slice) {
  const int images = std::min(slice.images, count_ - slice.begin);
  ranges_[std::size_t(slice.index)] = range_of(
      from_.floats_of(slice).first(std::size_t(images) * from_.shape.elements()));
}

void BatchCodes::choose() {
  Range all;
  for (const Slice& slice : slices_) {
    if (slice.begin >= count_) continue;
    const Range& own = ranges_[std::size_t(slice.index)];
    all = {std::min(all.low, own.low), std::max(all.high, own.high)};
  }
  std::fill(scales_.begin(), scales_.end(), form_.quantization_over(all));
}

void BatchCodes::encode(const Slice& slice) {
  form_.encode_in(scales_.front(), from_.floats_of(slice),
                  to_.needs_bytes ? to_.bytes_of(slice) : std::span<std::uint8_t>{},
                  to_.needs_floats ? to_.floats_of(slice) : std::span<float>{});
}

std::vector<std::int32_t> sums_of_ones(const Product& product, ImageShape input,
                                       ImageShape output, const Slice& slice) {
  StoredValue ones{.shape = input, .needs_bytes = true};
  ones.allocate(slice.images);
  std::fill(ones.bytes.begin(), ones.bytes.end(), std::uint8_t(1));
  AlignedVector<std::int32_t> sums(output.elements() * std::size_t(slice.images));
  product.sums(slice, ones, sums.data());
  return {sums.begin(), sums.begin() + std::ptrdiff_t(output.elements())};
}

void ImageProduct::finish(const Slice& slice, std::span<const UniformQuantization> scales,
                          std::int32_t* sums, std::span<float> values) const {
  const std::size_t size = ones.size(), filters = factors.size();
  for (std::size_t image = 0; image < std::size_t(slice.images); ++image) {
    const auto& q = scales[std::size_t(slice.begin) + image];
    std::int32_t* const s = sums + image * size;
    float* const y = values.data() + image * size;
    const auto zero = std::int32_t(q.zero_point);
    for (std::size_t at = 0; at < size; at += filters) {
      for (std::size_t f = 0; f < filters; ++f) {
        s[at + f] -= zero * ones[at + f];
        y[at + f] = float(s[at + f]) * (factors[f] * q.scale) + bias[f];
      }
    }
  }
}

}  // namespace bitsweep
