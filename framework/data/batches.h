// From bytes to the numbers a network sees: preprocessing, augmentation, order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/core/random.h"
#include "framework/data/dataset.h"

namespace bitsweep {

/// value = (pixel * scale - mean) / deviation, with statistics of the training split over
/// the scaled pixels: the mean of each channel or of each element, the standard deviation
/// of each channel around its mean. A channel that never changes is not divided.
class Preprocessing {
 public:
  Preprocessing(const PreprocessingSpec& spec, const ImageSet& training);
  /// From a packed model: one factor and offset an element.
  Preprocessing(ImageShape shape, std::vector<float> factor, std::vector<float> offset)
      : shape_(shape), factor_(std::move(factor)), offset_(std::move(offset)) {}

  /// One image to floats, [height, width, channels].
  void apply(std::span<const std::uint8_t> image, std::span<float> out) const;
  /// Elements `first` and following of `image`, `count` of them.
  void apply(const std::uint8_t* image, std::size_t first, std::size_t count,
             float* out) const {
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = float(image[first + i]) * factor_[first + i] + offset_[first + i];
    }
  }
  /// One each an element of an image: value = pixel * factor + offset.
  std::span<const float> factor() const { return factor_; }
  std::span<const float> offset() const { return offset_; }
  ImageShape shape() const { return shape_; }
  /// True where no value it makes can be negative: then the image is unsigned.
  bool is_nonnegative() const;

 private:
  ImageShape shape_;
  std::vector<float> factor_;
  std::vector<float> offset_;
};

/// Serves the images of a split, epoch by epoch. Every call is a pure function of its
/// arguments, so slices of a batch may load their own images in any order. Images and
/// preprocessing must outlive it.
///
/// Augmentation pads with zeros after preprocessing, takes a window of the image's size
/// at a random place and mirrors every second one, by chance, left to right.
class Batches {
 public:
  /// In file order, without augmentation: for evaluation and calibration.
  Batches(const ImageSet& images, const Preprocessing& preprocessing);
  /// Shuffled anew each epoch and augmented: for training.
  Batches(const ImageSet& images, const Preprocessing& preprocessing,
          const AugmentationSpec& augmentation, RandomStream random);

  std::size_t count() const;

  /// Makes `epoch`'s order; call before `load` for that epoch, from one thread.
  void begin_epoch(std::int64_t epoch);

  /// The image at `position` of the current epoch (positions beyond the end wrap around),
  /// preprocessed and augmented, into `out` of shape().elements() floats. Thread-safe.
  void load(std::size_t position, std::span<float> out) const;
  int label(std::size_t position) const;

 private:
  std::size_t image_at(std::size_t position) const;
  void load_shifted(const std::uint8_t* image, int down, int right, float* out) const;

  const ImageSet* images_;
  const Preprocessing* preprocessing_;
  AugmentationSpec augmentation_;
  RandomStream random_;
  RandomStream epoch_random_;  // of the current epoch's augmentation
  bool shuffled_;
  std::vector<std::uint32_t> order_;
};

}  // namespace bitsweep
