#include "framework/engine/integer/convolution.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "framework/core/error.h"
#include "framework/engine/integer/aligned.h"
#include "framework/engine/integer/wide_convolution.h"
#include "framework/engine/onednn.h"
#include "framework/engine/reference/integer.h"

namespace bitsweep {
namespace {

// Where the kernel covers the image, one pixel of all its values: the weights' order is
// the image's.
ConvolutionGeometry flattened(const ConvolutionGeometry& g) {
  const bool whole =
      g.kernel == Sides(g.input.height, g.input.width) && g.pad == 0 && g.groups == 1;
  if (!whole) return g;
  return {.input = {1, 1, int(g.input.elements())}, .output = g.output};
}

// The image with its border: a convolution without padding sees the same.
ConvolutionGeometry bordered(ConvolutionGeometry g) {
  g.input.height += g.pad.height();
  g.input.width += g.pad.width();
  g.pad = 0;
  return g;
}

// oneDNN's kernel for codes as they are: signed ones around 0, and unsigned ones. Null
// where its sums may not be exact.
std::unique_ptr<onednn::ByteConvolution> kernel_of_codes(const ConvolutionGeometry& g,
                                                         InputCodes input, int images,
                                                         int slots) {
  if (!input.is_signed || input.zero_point != 0) return nullptr;
  auto kernel = onednn::make_byte_convolution(g, true, images, slots);
  constexpr auto kAny = std::numeric_limits<std::int64_t>::max();
  return kernel->is_exact(kAny) ? std::move(kernel) : nullptr;
}

// uint8 codes with zero point z stand for the same values as int8 codes with z - 128, so
// inputs that no kernel takes as they are are made unsigned; and since the sum is of
// x * w, not of (x - z) * w, each filter's sum of weights times z is taken off it at the
// end.
class OneDnnIntegerConvolution final : public IntegerConvolution {
 public:
  OneDnnIntegerConvolution(const ConvolutionGeometry& geometry, InputCodes input,
                           int images, int slots)
      : g_(flattened(geometry)),
        images_(images),
        bytes_(kernel_of_codes(g_, input, images, slots)),
        turns_(input.is_signed && !bytes_),
        zero_point_(input.zero_point + (turns_ ? 128 : 0)),
        copies_(turns_ || (g_.pad != 0 && zero_point_ != 0)),
        seen_(copies_ ? bordered(g_) : g_),
        wide_(g_, input, images, slots),
        corrections_(std::size_t(g_.output.channels)) {
    if (!bytes_) bytes_ = onednn::make_byte_convolution(seen_, false, images, slots);
    const std::size_t elements =
        copies_ ? std::size_t(images) * seen_.input.elements() : 0;
    for (int slot = 0; slot < slots; ++slot) {
      copies_of_.emplace_back(elements, std::uint8_t(zero_point_));
    }
  }

  void pack_weights(std::span<const std::int8_t> weights,
                    std::span<const std::int8_t> zero_points) override {
    const bool symmetric =
        std::all_of(zero_points.begin(), zero_points.end(), [](int z) { return z == 0; });
    is_exact_ = symmetric && bytes_->is_exact(largest_sum(weights));
    if (!is_exact_) return wide_.pack_weights(weights, zero_points);
    bytes_->pack_weights(weights.data());
    for (std::size_t f = 0; f < corrections_.size(); ++f) {
      std::int64_t sum = 0;
      for (const std::int8_t w : filter(weights, f)) sum += w;
      corrections_[f] = std::uint32_t(sum * zero_point_);
    }
  }

  void forward(int slot, const void* x, std::int32_t* y) const override {
    if (!is_exact_) return wide_.forward(slot, x, y);
    const auto* codes = static_cast<const std::uint8_t*>(x);
    bytes_->forward(slot, copies_ ? unsigned_with_border(slot, codes) : codes, y);
    if (zero_point_ != 0) correct(y);
  }

  std::string implementation() const override {
    return is_exact_ ? bytes_->name() : wide_.implementation();
  }

 private:
  std::span<const std::int8_t> filter(std::span<const std::int8_t> weights,
                                      std::size_t f) const {
    const std::size_t taps = weights.size() / corrections_.size();
    return weights.subspan(f * taps, taps);
  }

  // Of any input, on any part of the way.
  std::int64_t largest_sum(std::span<const std::int8_t> weights) const {
    std::int64_t largest = 0;
    for (std::size_t f = 0; f < corrections_.size(); ++f) {
      std::int64_t sum = 0;
      for (const int w : filter(weights, f)) sum += 255 * std::abs(w);
      largest = std::max(largest, sum);
    }
    return largest;
  }

  const std::uint8_t* unsigned_with_border(int slot, const std::uint8_t* x) const {
    std::uint8_t* images = copies_of_[std::size_t(slot)].data();
    const std::uint8_t flip = turns_ ? 0x80 : 0;  // from signed to unsigned
    const std::size_t row = std::size_t(g_.input.width) * g_.input.channels;
    const std::size_t row_with_border =
        std::size_t(seen_.input.width) * g_.input.channels;
    const std::size_t left = std::size_t(g_.pad.left) * g_.input.channels;
    for (int image = 0; image < images_; ++image) {
      std::uint8_t* to = images + std::size_t(image) * seen_.input.elements() +
                         std::size_t(g_.pad.top) * row_with_border + left;
      for (int h = 0; h < g_.input.height; ++h, x += row, to += row_with_border) {
        for (std::size_t i = 0; i < row; ++i) to[i] = x[i] ^ flip;
      }
    }
    return images;
  }

  void correct(std::int32_t* y) const {
    const std::size_t pixels = std::size_t(images_) * g_.output.pixels();
    const std::size_t filters = corrections_.size();
    for (std::size_t pixel = 0; pixel < pixels; ++pixel, y += filters) {
      for (std::size_t f = 0; f < filters; ++f) {
        y[f] = std::int32_t(std::uint32_t(y[f]) - corrections_[f]);
      }
    }
  }

  ConvolutionGeometry g_;
  int images_;
  std::unique_ptr<onednn::ByteConvolution> bytes_;
  bool turns_;      // signed codes into unsigned ones
  int zero_point_;  // of the codes that `bytes_` sees
  bool copies_;     // or the codes can be taken as they are
  ConvolutionGeometry seen_;
  WideConvolution wide_;
  bool is_exact_ = false;
  std::vector<std::uint32_t> corrections_;
  mutable std::vector<AlignedVector<std::uint8_t>> copies_of_;  // one a slot
};

}  // namespace

std::unique_ptr<IntegerConvolution> make_integer_convolution(
    EngineKind kind, const ConvolutionGeometry& geometry, InputCodes input, int images,
    int slots) {
  const int low = input.is_signed ? -128 : 0;
  ensure(input.zero_point >= low && input.zero_point <= low + 255,
         "a zero point is one of the codes");
  if (kind == EngineKind::kReference) {
    return reference::make_integer_convolution(geometry, input, images);
  }
  return std::make_unique<OneDnnIntegerConvolution>(geometry, input, images, slots);
}

}  // namespace bitsweep
