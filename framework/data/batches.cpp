#include "framework/data/batches.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// Numbers of the streams below a split's own.
constexpr std::uint64_t kOrderStream = 0;
constexpr std::uint64_t kAugmentationStream = 1;

// Reverses the order of a row's pixels, each of `channels` values.
void mirror(float* row, std::size_t width, std::size_t channels) {
  for (std::size_t left = 0, right = width - 1; left < right; ++left, --right) {
    std::swap_ranges(row + left * channels, row + (left + 1) * channels,
                     row + right * channels);
  }
}

}  // namespace

Batches::Batches(const ImageSet& images, const Preprocessing& preprocessing)
    : Batches(images, preprocessing, AugmentationSpec{}, RandomStream{0, "file order"}) {
  shuffled_ = false;
  begin_epoch(0);
}

Batches::Batches(const ImageSet& images, const Preprocessing& preprocessing,
                 const AugmentationSpec& augmentation, RandomStream random)
    : images_(&images),
      preprocessing_(&preprocessing),
      augmentation_(augmentation),
      random_(random),
      epoch_random_(random),
      shuffled_(true),
      order_(images.count()) {
  ensure(images.shape == preprocessing.shape(), "both know the same images");
  begin_epoch(0);
}

std::size_t Batches::count() const { return images_->count(); }

void Batches::begin_epoch(std::int64_t epoch) {
  const auto index = std::uint64_t(epoch);
  epoch_random_ = random_.substream(kAugmentationStream).substream(index);
  std::iota(order_.begin(), order_.end(), 0U);
  if (shuffled_) random_.substream(kOrderStream).substream(index).shuffle(order_);
}

std::size_t Batches::image_at(std::size_t position) const {
  return order_[position % order_.size()];
}

int Batches::label(std::size_t position) const {
  return images_->labels[image_at(position)];
}

void Batches::load(std::size_t position, std::span<float> out) const {
  const std::uint8_t* image = images_->image(image_at(position)).data();
  if (augmentation_.pad == 0 && !augmentation_.flip) {
    preprocessing_->apply(image, 0, out.size(), out.data());
    return;
  }
  const auto draw = std::uint32_t(3 * position);
  const auto shifts = std::uint32_t(2 * augmentation_.pad + 1);
  const int down = int(epoch_random_.below_at(draw, shifts)) - augmentation_.pad;
  const int right = int(epoch_random_.below_at(draw + 1, shifts)) - augmentation_.pad;
  const bool flipped = augmentation_.flip && epoch_random_.below_at(draw + 2, 2) == 1;
  load_shifted(image, down, right, out.data());
  if (!flipped) return;
  const auto width = std::size_t(images_->shape.width);
  const auto channels = std::size_t(images_->shape.channels);
  for (std::size_t row = 0; row < out.size(); row += width * channels) {
    mirror(out.data() + row, width, channels);
  }
}

void Batches::load_shifted(const std::uint8_t* image, int down, int right,
                           float* out) const {
  const auto [height, width, channels] = images_->shape;
  const int row = width * channels;
  // The columns of the result that lie on the image; the others are padding.
  const int begin = std::clamp(-right, 0, width) * channels;
  const int end = std::max(begin, std::clamp(width - right, 0, width) * channels);
  for (int y = 0; y < height; ++y, out += row) {
    const int source = y + down;
    if (source < 0 || source >= height) {
      std::fill(out, out + row, 0.0f);
      continue;
    }
    std::fill(out, out + begin, 0.0f);
    const int first = source * row + begin + right * channels;
    if (begin < end) {
      preprocessing_->apply(image, std::size_t(first), std::size_t(end - begin),
                            out + begin);
    }
    std::fill(out + end, out + row, 0.0f);
  }
}

}  // namespace bitsweep
