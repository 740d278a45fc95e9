#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "framework/data/batches.h"

namespace bitsweep {
namespace {

// Sums over the pixels as stored: whole numbers, so that their order does not matter.
struct PixelSums {
  std::vector<std::uint64_t> values;   // one an element
  std::vector<std::uint64_t> squares;  // one an element
};

PixelSums pixel_sums(const ImageSet& images) {
  const std::size_t elements = images.shape.elements();
  PixelSums sums{std::vector<std::uint64_t>(elements),
                 std::vector<std::uint64_t>(elements)};
  for (std::size_t i = 0; i < images.count(); ++i) {
    const std::uint8_t* pixel = images.image(i).data();
    for (std::size_t e = 0; e < elements; ++e) {
      const std::uint32_t value = pixel[e];
      sums.values[e] += value;
      sums.squares[e] += value * value;
    }
  }
  return sums;
}

// The sum of an image's elements within each channel.
std::vector<double> by_channel(const std::vector<std::uint64_t>& elements, int channels) {
  std::vector<std::uint64_t> sums(std::size_t(channels), 0);
  for (std::size_t e = 0; e < elements.size(); ++e) {
    sums[e % std::size_t(channels)] += elements[e];
  }
  return {sums.begin(), sums.end()};
}

// What is subtracted from and what divides each element, in units of the scaled pixels.
struct ElementStatistics {
  std::vector<double> mean;
  std::vector<double> deviation;
};

ElementStatistics element_statistics(const PreprocessingSpec& spec,
                                     const ImageSet& images) {
  const std::size_t elements = images.shape.elements();
  ElementStatistics statistics{std::vector<double>(elements, 0),
                               std::vector<double>(elements, 1)};
  if (spec.mean == "none" && spec.deviation == "none") return statistics;

  // A variance below this is the rounding of a channel that never changes: one pixel off
  // by one, among a hundred million, makes more.
  constexpr double kLeastVariance = 1e-9;
  const PixelSums sums = pixel_sums(images);
  const auto values = by_channel(sums.values, images.shape.channels);
  const auto squares = by_channel(sums.squares, images.shape.channels);
  const double count = double(images.count());
  const double channel_count = count * double(images.shape.pixels());
  for (std::size_t e = 0; e < elements; ++e) {
    const std::size_t c = e % values.size();
    const double channel_mean = values[c] / channel_count;
    const double variance = squares[c] / channel_count - channel_mean * channel_mean;
    if (spec.mean == "channel") statistics.mean[e] = spec.scale * channel_mean;
    if (spec.mean == "pixel")
      statistics.mean[e] = spec.scale * double(sums.values[e]) / count;
    if (spec.deviation == "channel" && variance > kLeastVariance) {
      statistics.deviation[e] = std::abs(spec.scale) * std::sqrt(variance);
    }
  }
  return statistics;
}

}  // namespace

Preprocessing::Preprocessing(const PreprocessingSpec& spec, const ImageSet& training)
    : shape_(training.shape), factor_(shape_.elements()), offset_(shape_.elements()) {
  ensure(training.count() > 0, "statistics need images");
  const ElementStatistics statistics = element_statistics(spec, training);
  for (std::size_t e = 0; e < factor_.size(); ++e) {
    factor_[e] = float(spec.scale / statistics.deviation[e]);
    offset_[e] = float(0 - statistics.mean[e] / statistics.deviation[e]);
  }
}

void Preprocessing::apply(std::span<const std::uint8_t> image,
                          std::span<float> out) const {
  ensure(image.size() == factor_.size() && out.size() == factor_.size(),
         "an image has the shape of the training data");
  apply(image.data(), 0, out.size(), out.data());
}

bool Preprocessing::is_nonnegative() const {
  for (std::size_t e = 0; e < factor_.size(); ++e) {
    if (offset_[e] < 0 || factor_[e] * 255 + offset_[e] < 0) return false;
  }
  return true;
}

}  // namespace bitsweep
