// The values between two operations, in the forms that their readers want.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/engine/fake_quantize.h"
#include "framework/engine/integer/aligned.h"
#include "framework/engine/integer/bits.h"
#include "framework/engine/integer/convolution.h"
#include "framework/engine/integer/split_convolution.h"
#include "framework/engine/integer/thresholds.h"
#include "framework/nn/program.h"
#include "framework/pack/integer_form.h"
#include "framework/pack/model.h"

namespace bitsweep {

/// A whole batch of it. Forms that nobody reads are empty.
struct StoredValue {
  ImageShape shape;
  bool needs_floats = false, needs_bytes = false, needs_bits = false;
  bool needs_high_bytes = false;  // of codes in two bytes; `bytes` are then the low ones
  Buffer floats;
  AlignedVector<std::uint8_t> bytes;  // integers of the grid, as its CodeForm says
  AlignedVector<std::uint8_t> high_bytes;
  AlignedVector<std::uint64_t> bits;  // signs, packed along channels

  void allocate(int batch);
  std::size_t first(const Slice& slice) const {
    return std::size_t(slice.begin) * shape.elements();
  }
  std::size_t elements(const Slice& slice) const {
    return std::size_t(slice.images) * shape.elements();
  }
  std::span<float> floats_of(const Slice& slice) {
    return floats.span().subspan(first(slice), elements(slice));
  }
  std::span<std::uint8_t> bytes_of(const Slice& slice) {
    return {bytes.data() + first(slice), elements(slice)};
  }
  std::span<std::uint8_t> high_bytes_of(const Slice& slice) {
    return {high_bytes.data() + first(slice), elements(slice)};
  }
  std::size_t words_per_image() const {
    return shape.pixels() * bit_words(shape.channels);
  }
  std::span<std::uint64_t> bits_of(const Slice& slice) {
    return {bits.data() + std::size_t(slice.begin) * words_per_image(),
            std::size_t(slice.images) * words_per_image()};
  }
};

/// How a quantizer's codes become bytes for integer products, and floats for others.
class CodeForm {
 public:
  /// `site`: for what is said of values that are no numbers, "conv1/input".
  explicit CodeForm(const PackedQuantizer& quantizer, std::string site = "");

  /// Whether its values are whole numbers times `unit()`, in bytes.
  bool has_bytes() const { return has_bytes_; }
  InputCodes input() const { return input_; }
  /// How its values, whole numbers times `unit()`, lie in two bytes each; nothing of
  /// those in one, and of others.
  const std::optional<SplitCodes>& split() const { return split_; }
  /// The largest of those in magnitude, and of one byte of them.
  int largest_split() const;
  int largest_byte() const;
  double unit() const { return unit_; }
  const std::optional<IntegerForm>& integers() const { return integers_; }
  int bits() const { return quantizer_.grid.bits(); }
  /// Whether scale and zero point are found at run time: then bytes are the codes
  /// themselves, of a unit of 1, and `encode_in` makes them.
  bool is_dynamic() const { return quantizer_.rule.is_dynamic(); }
  /// Of all images that are run together; else of each by itself.
  bool is_of_batch() const { return quantizer_.rule.kind == CodeRule::Kind::kOfBatch; }
  /// What values from `low` to `high` are coded in.
  UniformQuantization quantization_over(const Range& range) const;
  /// Bytes and floats, those that are not empty, in this quantization. As in `encode`,
  /// values must be finite: RunError names the site and the value.
  void encode_in(const UniformQuantization& q, std::span<const float> x,
                 std::span<std::uint8_t> bytes, std::span<float> floats) const;

  /// From values to bytes, floats and signs; those that are empty are left out (of codes
  /// in two bytes `bytes` and `high_bytes` are given together). x:
  /// [pixels, channels] of at most kBlock elements, finite (else RunError, which names
  /// site and value); floats may be x.
  void encode(std::span<const float> x, int channels, std::span<std::uint8_t> bytes,
              std::span<float> floats, std::span<std::uint64_t> bits,
              std::span<std::uint8_t> high_bytes = {}) const;
  /// The two bytes of values on the grid, as behind a pool of them.
  void split_values(std::span<const float> values, std::span<std::uint8_t> bytes,
                    std::span<std::uint8_t> high_bytes) const;
  /// From bytes, as behind a pool on them.
  void decode(std::span<const std::uint8_t> bytes, int channels, std::span<float> floats,
              std::span<std::uint64_t> bits) const;

  static constexpr std::size_t kBlock = 4096;

 private:
  template <class Write>
  float for_each_code(std::span<const float> x, Write write) const;
  float encode_plain(std::span<const float> x, std::span<std::uint8_t> bytes,
                     std::span<float> floats) const;
  void bordered_indices(std::span<const float> x, std::span<std::uint8_t> indices) const;
  void code_indices(std::span<const float> x, std::span<std::uint8_t> indices) const;
  void values_of(std::span<const std::uint8_t> indices, std::span<float> values) const;
  void encode_wide(std::span<const float> x, std::span<float> floats,
                   std::span<std::uint8_t> bytes,
                   std::span<std::uint8_t> high_bytes) const;

  void refuse_lost(std::span<const float> x) const;

  PackedQuantizer quantizer_;
  std::string site_;
  std::optional<IntegerForm> integers_;
  std::vector<float> levels_;          // the value of each code
  std::vector<std::uint8_t> byte_of_;  // of each code
  std::vector<float> level_of_byte_;   // 256
  std::optional<ThresholdCodes<float>> thresholds_;
  std::vector<float> borders_;  // of many codes on a uniform grid: where each begins
  InputCodes input_;
  std::optional<SplitCodes> split_;
  std::int32_t split_zero_ = 0;  // the code that lies in two bytes of 0
  double unit_ = 1;
  bool has_bytes_ = false;
  bool is_plain_ = false;      // codes are found by `for_each_code`
  bool is_sign_of_x_ = false;  // the code of x is its sign
  bool is_shifted_ = false;    // byte = code index + shift_
  int shift_ = 0;
};

}  // namespace bitsweep
