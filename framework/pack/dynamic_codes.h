// Codes whose scale and zero point are made at run time, and products of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/pack/float_operations.h"
#include "framework/pack/product.h"

namespace bitsweep {

/// What the codes of each image of a batch are in.
using ImageScales = std::vector<UniformQuantization>;

/// Quantizes each image by its own range, and notes it in `scales` [images].
SliceWork encode_images_work(StoredValue& input, const CodeForm& form,
                             StoredValue& output, ImageScales& scales);

/// The same by the range of the first `count` images of the batch, in three steps.
class BatchCodes {
 public:
  /// All references live on.
  BatchCodes(StoredValue& input, const CodeForm& form, StoredValue& output,
             ImageScales& scales, std::span<const Slice> slices, const int& count);

  void measure(const Slice& slice);  // of all slices, then
  void choose();                     // once, then
  void encode(const Slice& slice);   // of all slices

 private:
  StoredValue &from_, &to_;
  const CodeForm& form_;
  ImageScales& scales_;
  std::vector<Slice> slices_;
  std::vector<Range> ranges_;  // one a slice
  const int& count_;
};

/// The sums that an image of ones would give: what a zero point adds to each sum, the
/// border, which is 0, left out. [output]
std::vector<std::int32_t> sums_of_ones(const Product& product, ImageShape input,
                                       ImageShape output, const Slice& slice);

/// value = float(sum of w (code - zero point)) * (factor * the image's scale) + bias
struct ImageProduct {
  std::vector<std::int32_t> ones;  // as `sums_of_ones` gives them
  std::vector<float> factors, bias;

  /// Takes the zero points off the sums of a slice, too.
  void finish(const Slice& slice, std::span<const UniformQuantization> scales,
              std::int32_t* sums, std::span<float> values) const;
};

}  // namespace bitsweep
