// From bytes to the numbers a network sees: preprocessing, augmentation, order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/core/random.h"
#include "framework/data/dataset.h"

namespace bitsweep {

/// value = (pixel * scale - mean) / deviation, with statistics of the training split.
class Preprocessing {
 public:
  Preprocessing(const PreprocessingSpec& spec, const ImageSet& training);

  /// One image to floats, [height, width, channels].
  void apply(std::span<const std::uint8_t> image, std::span<float> out) const;
  /// Of element e of an image: what a pixel of 0 becomes (padding is done in this space
  /// with `float` zero after preprocessing only where the spec has no mean: see Batches).
  ImageShape shape() const { return shape_; }
  /// True where no value it makes can be negative: then the image is unsigned.
  bool is_nonnegative() const;

 private:
  ImageShape shape_;
  std::vector<float> factor_;  // one an element
  std::vector<float> offset_;  // one an element: value = pixel * factor + offset
};

/// Serves the images of a split, epoch by epoch. Every call is a pure function of its
/// arguments, so slices of a batch may load their own images in any order.
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
  const ImageSet* images_;
  const Preprocessing* preprocessing_;
  AugmentationSpec augmentation_;
  RandomStream random_;
  bool shuffled_ = false;
  std::int64_t epoch_ = 0;
  std::vector<std::uint32_t> order_;
};

}  // namespace bitsweep
