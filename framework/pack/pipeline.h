// Element-wise operations in a row, block by block: a block of pixels stays in the
// first-level cache from a product's sums to the codes of the next one.
#pragma once

#include <functional>
#include <vector>

#include "framework/pack/requantization.h"
#include "framework/pack/stored_value.h"

namespace bitsweep {

class Pipeline {
 public:
  /// Over values of this shape.
  explicit Pipeline(ImageShape shape);

  // Where the block comes from: sums of a product, on top of whole numbers where there are
  // any, times a factor plus an offset, one each a channel; or floats.
  void from_sums(const std::vector<std::int32_t>& start, const std::vector<float>& factor,
                 const std::vector<float>& offset);
  void from_floats(StoredValue& value);
  // Or sums as the values of codes, as the requantization makes them.
  void from_requantized_sums(const Requantization& requantization);

  void affine(const std::vector<float>& scale, const std::vector<float>& shift);
  void relu();
  void relu6();
  void hard_tanh();
  void add(StoredValue& other);
  /// Multiplies each pixel by its own scale, [images, pixels].
  void scale_pixels(const Buffer& scales);
  /// Where anyone reads them.
  void store_floats(StoredValue& value);
  /// In the forms that `value` needs; the block stays as it is.
  void quantize(const CodeForm& form, StoredValue& value);
  /// The same, and the block takes the codes' values.
  void quantize_block(const CodeForm& form, StoredValue& value);

  /// `sums`: of the slice, [images, shape]; null where the source is floats.
  void run(const Slice& slice, const std::int32_t* sums) const;

 private:
  struct Block {
    std::span<float> values;
    std::size_t begin;  // of its first value in the whole batch
    const std::int32_t* sums;
  };
  using Work = std::function<void(const Block&)>;

  void from_scaled(const Requantization& requantization);
  void from_fixed_point(const Requantization& requantization);
  void change(Work work);  // work that changes the block
  void encode(const CodeForm& form, StoredValue& value, bool keeps_levels);
  template <class T>
  std::vector<T> spread(const std::vector<T>& by_channel) const;

  ImageShape shape_;
  std::size_t block_;  // elements, whole pixels
  std::vector<Work> works_;
  StoredValue* source_ = nullptr;  // null: sums
  bool changes_ = false;
};

}  // namespace bitsweep
