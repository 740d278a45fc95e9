#include "framework/pack/stored_value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/engine/finite.h"
#include "framework/engine/integer/pooling.h"
#include "framework/engine/rounding.h"

namespace bitsweep {
namespace {

constexpr std::size_t kByteCodes = 256;
constexpr float kWholeOnly = 12582912.0f;     // 1.5 * 2^23
constexpr std::int32_t kMostWhole = 1 << 21;  // codes that `for_each_code` finds

// The bytes that integers go into, or nothing.
std::optional<InputCodes> byte_form(const IntegerForm& form) {
  const std::int32_t least = form.least(), most = form.most();
  if (least >= 0 && most <= 255) return InputCodes{};
  if (least >= -128 && most <= 127) return InputCodes{.is_signed = true};
  if (least < 0 && least >= -255 && most - least <= 255) {
    return InputCodes{.zero_point = -least};
  }
  return std::nullopt;
}

// The same of two bytes, and the code that lies in two bytes of 0: int16 where the values
// fit it, else codes counted from the lowest.
std::optional<std::pair<SplitCodes, std::int32_t>> split_form(const PackedQuantizer& q) {
  const UniformGrid* const grid = q.grid.uniform();
  if (grid == nullptr || q.rule.is_dynamic()) return std::nullopt;
  const float zero_point = grid->zero_point.front();
  const std::int64_t low = grid->low, high = grid->high;
  const bool is_code = zero_point == std::rint(zero_point) &&
                       double(zero_point) >= double(low) &&
                       double(zero_point) <= double(high);
  if (!is_code || high - low > 65535) return std::nullopt;
  const auto zero = std::int32_t(zero_point);
  if (low - zero >= -32768 && high - zero <= 32767) return {{SplitCodes{}, zero}};
  const auto from_lowest = std::int32_t(zero - low);
  return {{SplitCodes{.high = {.zero_point = from_lowest / 256},
                      .low = {.zero_point = from_lowest % 256}},
           grid->low}};
}

// What x is multiplied by instead of divided by `scale`, to the same bits: a power of two
// whose inverse is no subnormal. 0: none.
float exact_inverse(float scale) {
  int exponent = 0;
  const bool is_power = std::frexp(scale, &exponent) == 0.5f;
  return is_power && -120 < exponent && exponent < 120 ? 1 / scale : 0;
}

// Whether a zero point that is added to whole numbers is one itself, no larger than codes
// are, and PyTorch's factor is a number.
bool has_plain_order(const PackedQuantizer& quantizer) {
  if (quantizer.rule.order == CodeOrder::kTensorflow) return true;
  const UniformGrid& grid = *quantizer.grid.uniform();
  const float zero_point = grid.zero_point.front();
  const float factor = 1.0f / grid.scale.front();
  return zero_point == std::rint(zero_point) && std::fabs(zero_point) <= kMostWhole &&
         std::isnormal(factor);
}

}  // namespace

void StoredValue::allocate(int batch) {
  const std::size_t elements = std::size_t(batch) * shape.elements();
  if (needs_floats) floats = Buffer(elements);
  if (needs_bytes) bytes.resize(elements);
  if (needs_high_bytes) high_bytes.resize(elements);
  if (needs_bits) bits.resize(std::size_t(batch) * words_per_image());
}

CodeForm::CodeForm(const PackedQuantizer& quantizer, std::string site)
    : quantizer_(quantizer),
      site_(std::move(site)),
      integers_(integer_form(quantizer.grid)) {
  const Grid& grid = quantizer_.grid;
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    levels_.push_back(grid.value(code, 0));
  }
  if (levels_.size() > kByteCodes) {
    const auto split = split_form(quantizer_);
    if (!split) return;
    std::tie(split_, split_zero_) = *split;
    unit_ = double(grid.uniform()->scale.front());
    return;
  }
  const bool is_dynamic = quantizer_.rule.is_dynamic();
  if (!is_dynamic &&
      (quantizer_.rule.kind != CodeRule::Kind::kUniform ||
       quantizer_.rule.rounding != Rounding::kHalfEven || quantizer_.rule.of_magnitude ||
       !has_plain_order(quantizer_) ||
       std::max(std::abs(grid.low_code()), std::abs(grid.high_code())) > kMostWhole)) {
    const auto table = thresholds_of(quantizer_.rule, grid);
    thresholds_.emplace(ThresholdTable<float>{
        .thresholds = table, .of_magnitude = quantizer_.rule.of_magnitude});
    constexpr std::size_t kMany = 64;  // that are quicker guessed than searched
    const UniformGrid* const uniform = grid.uniform();
    if (uniform != nullptr && levels_.size() > kMany &&
        std::isfinite(1 / uniform->scale.front())) {
      borders_.push_back(-std::numeric_limits<float>::infinity());
      borders_.insert(borders_.end(), table.begin(), table.end());
      borders_.push_back(std::numeric_limits<float>::infinity());
    }
  }
  is_plain_ = !is_dynamic && !thresholds_;
  is_sign_of_x_ = !is_dynamic && levels_.size() == 2 && !quantizer_.rule.of_magnitude &&
                  thresholds_of(quantizer_.rule, grid) == std::vector<float>{0};
  const auto form = integers_ ? byte_form(*integers_) : std::nullopt;
  if (!form) return;
  has_bytes_ = true;
  input_ = *form;
  unit_ = integers_->unit.front();
  level_of_byte_.resize(kByteCodes);
  is_shifted_ = true;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    byte_of_.push_back(std::uint8_t(integers_->integers[i] + input_.zero_point));
    level_of_byte_[byte_of_.back()] = levels_[i];
    is_shifted_ &= byte_of_[i] == std::uint8_t(byte_of_[0] + i);
  }
  shift_ = byte_of_.front();
}

UniformQuantization CodeForm::quantization_over(const Range& range) const {
  return affine_quantization(range, quantizer_.rule.affine);
}

void CodeForm::encode_in(const UniformQuantization& q, std::span<const float> x,
                         std::span<std::uint8_t> bytes, std::span<float> floats) const {
  refuse_lost(x);
  const AffineCodes& affine = quantizer_.rule.affine;
  with_code(affine, [&](auto code) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float own = clamped(code(x[i], q), q);
      if (!floats.empty()) floats[i] = q.scale * (own - q.zero_point);
      if (!bytes.empty()) {
        bytes[i] = std::uint8_t(std::int32_t(own == own ? own : q.zero_point));
      }
    }
  });
}

void CodeForm::refuse_lost(std::span<const float> x) const {
  if (kernels::all_finite(x)) return;
  const auto lost =
      std::find_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
  throw RunError(
      fmt::format("{}: a value to be quantized is {}; expected finite numbers: look at "
                  "the images, and at the weights of the layers before it",
                  site_, *lost));
}

// write(i, code), codes as `uniform_code` rounds half to even, in floats plus 1.5 * 2^23:
// that sum has no room for a fraction, and its last byte is that of the whole number.
// The largest |x|; of values that are no numbers NaN.
template <class Write>
float CodeForm::for_each_code(std::span<const float> x, Write write) const {
  constexpr std::uint32_t kMagnitude = 0x7fffffff;
  const UniformGrid& grid = *quantizer_.grid.uniform();
  const auto low = float(grid.low), high = float(grid.high);
  const bool rounds_first = quantizer_.rule.order != CodeOrder::kTensorflow;
  const float zero_point = grid.zero_point.front();
  // The zero point goes to x before it is rounded, or to what comes of that.
  const float before = rounds_first ? 0 : zero_point;
  const float behind = rounds_first ? zero_point : 0;
  const auto all = [before, behind, low = low - behind, high = high - behind, write,
                    from = x.data(), size = x.size()](auto divided) {
    std::uint32_t largest = 0;  // floats' bits ascend as their magnitudes do
#pragma GCC ivdep
    for (std::size_t i = 0; i < size; ++i) {
      const float v = from[i];
      largest = std::max(largest, std::bit_cast<std::uint32_t>(v) & kMagnitude);
      const float place = divided(v) + before;
      const float raised = place > low ? place : low;
      write(i, (raised < high ? raised : high) + kWholeOnly + behind);
    }
    return std::bit_cast<float>(largest);
  };
  const float scale = grid.scale.front();
  const float factor =
      quantizer_.rule.order == CodeOrder::kPytorch ? 1.0f / scale : exact_inverse(scale);
  return factor != 0 ? all([factor](float v) { return v * factor; })
                     : all([scale](float v) { return v / scale; });
}

// Bytes of codes that lie beside each other, and the codes' values, in one pass; floats
// may be x. Gives the largest |x|.
float CodeForm::encode_plain(std::span<const float> x, std::span<std::uint8_t> bytes,
                             std::span<float> floats) const {
  const UniformGrid& grid = *quantizer_.grid.uniform();
  const float scale = grid.scale.front(), zero_point = grid.zero_point.front();
  const auto to_byte = std::uint32_t(shift_ - grid.low);
  std::uint8_t* const to = bytes.data();
  float* const values = floats.data();
  const auto byte = [to, to_byte](std::size_t i, float code) {
    to[i] = std::uint8_t(std::bit_cast<std::uint32_t>(code) + to_byte);
  };
  const auto value = [values, scale, zero_point](std::size_t i, float code) {
    values[i] = scale * ((code - kWholeOnly) - zero_point);
  };
  if (floats.empty()) return for_each_code(x, byte);
  if (bytes.empty()) return for_each_code(x, value);
  return for_each_code(x, [byte, value](std::size_t i, float code) {
    byte(i, code);
    value(i, code);
  });
}

// A rule that rounds in an order of its own has its borders next to those of the plain
// one: a code guessed by that is the right one but for the few values between the two.
void CodeForm::bordered_indices(std::span<const float> x,
                                std::span<std::uint8_t> indices) const {
  const UniformGrid& grid = *quantizer_.grid.uniform();
  const float factor = 1 / grid.scale.front();
  const float first = grid.zero_point.front() - float(grid.low) + 0.5f;
  const auto last = float(grid.high - grid.low);
  const bool of_magnitude = quantizer_.rule.of_magnitude;
  const auto value = [of_magnitude](float v) { return of_magnitude ? std::fabs(v) : v; };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float place = value(x[i]) * factor + first;
    const float raised = place > 0 ? place : 0;
    indices[i] = std::uint8_t(std::int32_t(raised < last ? raised : last));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float v = value(x[i]);
    std::size_t index = indices[i];
    while (v < borders_[index]) --index;
    while (v >= borders_[index + 1]) ++index;
    indices[i] = std::uint8_t(index);
  }
}

void CodeForm::code_indices(std::span<const float> x,
                            std::span<std::uint8_t> indices) const {
  if (!borders_.empty()) return bordered_indices(x, indices);
  if (thresholds_) return thresholds_->encode(x, indices);
  const auto first = std::uint32_t(quantizer_.grid.low_code());
  for_each_code(x, [to = indices.data(), first](std::size_t i, float code) {
    to[i] = std::uint8_t(std::bit_cast<std::uint32_t>(code) - first);
  });
}

// As the grid decodes them, which a vector does sooner than it looks levels up.
void CodeForm::values_of(std::span<const std::uint8_t> indices,
                         std::span<float> values) const {
  const UniformGrid* const grid = quantizer_.grid.uniform();
  if (grid == nullptr) return kernels::look_up(indices, levels_, values);
  const float scale = grid->scale.front(), zero_point = grid->zero_point.front();
  const std::int32_t low = grid->low;
  const std::uint8_t* const from = indices.data();
  float* const to = values.data();
#pragma GCC ivdep
  for (std::size_t i = 0; i < indices.size(); ++i) {
    to[i] = scale * (float(low + from[i]) - zero_point);
  }
}

// Grids of more codes than a byte has.
void CodeForm::encode_wide(std::span<const float> x, std::span<float> floats,
                           std::span<std::uint8_t> bytes,
                           std::span<std::uint8_t> high_bytes) const {
  std::array<std::int32_t, kBlock> codes;
  apply_rule(quantizer_.rule, quantizer_.grid, x, std::span(codes).first(x.size()));
  for (std::size_t i = 0; i < floats.size(); ++i) {
    floats[i] = levels_[std::size_t(codes[i] - quantizer_.grid.low_code())];
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto both = std::uint32_t(codes[i] - split_zero_);
    bytes[i] = std::uint8_t(both);
    high_bytes[i] = std::uint8_t(both >> 8);
  }
}

// Of at most 16 bits, a code is what its value lies nearest to.
void CodeForm::split_values(std::span<const float> values, std::span<std::uint8_t> bytes,
                            std::span<std::uint8_t> high_bytes) const {
  const UniformGrid& grid = *quantizer_.grid.uniform();
  const float scale = grid.scale.front();
  const std::int32_t zero = std::int32_t(grid.zero_point.front()) - split_zero_;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto both =
        std::uint32_t(std::int32_t(round_half_even(values[i] / scale)) + zero);
    bytes[i] = std::uint8_t(both);
    high_bytes[i] = std::uint8_t(both >> 8);
  }
}

int CodeForm::largest_split() const {
  const UniformGrid& grid = *quantizer_.grid.uniform();
  const auto zero = std::int32_t(grid.zero_point.front());
  return std::max(std::abs(grid.low - zero), std::abs(grid.high - zero));
}

int CodeForm::largest_byte() const {
  const auto largest = [](InputCodes codes) {
    return codes.is_signed ? 128 : std::max(codes.zero_point, 255 - codes.zero_point);
  };
  return std::max(largest(split_->high), largest(split_->low));
}

void CodeForm::encode(std::span<const float> x, int channels,
                      std::span<std::uint8_t> bytes, std::span<float> floats,
                      std::span<std::uint64_t> bits,
                      std::span<std::uint8_t> high_bytes) const {
  ensure(x.size() <= kBlock, "a block of values");
  const bool is_one_pass = is_plain_ && bits.empty() && (bytes.empty() || is_shifted_) &&
                           !(bytes.empty() && floats.empty());
  if (is_one_pass) {
    const float largest = encode_plain(x, bytes, floats);
    const bool has_x = floats.data() != x.data();
    return refuse_lost(has_x && !std::isfinite(largest) ? x : std::span(&largest, 1));
  }
  refuse_lost(x);
  if (levels_.size() > kByteCodes) return encode_wide(x, floats, bytes, high_bytes);
  if (is_sign_of_x_ && !bits.empty()) kernels::pack_signs(x, channels, bits);
  if (bytes.empty() && floats.empty() && (is_sign_of_x_ || bits.empty())) return;
  std::array<std::uint8_t, kBlock> indices;
  const auto own = std::span(indices).first(x.size());
  code_indices(x, own);
  if (!floats.empty()) values_of(own, floats);
  if (!bytes.empty() && is_shifted_) {
    const auto shift = std::uint8_t(shift_);
    for (std::size_t i = 0; i < own.size(); ++i) bytes[i] = std::uint8_t(own[i] + shift);
  } else if (!bytes.empty()) {
    for (std::size_t i = 0; i < own.size(); ++i) bytes[i] = byte_of_[own[i]];
  }
  if (is_sign_of_x_ || bits.empty()) return;
  std::array<float, kBlock> values;
  const auto levels = std::span(values).first(own.size());
  values_of(own, levels);
  kernels::pack_signs(levels, channels, bits);
}

void CodeForm::decode(std::span<const std::uint8_t> bytes, int channels,
                      std::span<float> floats, std::span<std::uint64_t> bits) const {
  if (!floats.empty()) kernels::look_up(bytes, level_of_byte_, floats);
  if (bits.empty()) return;
  const auto* const codes = reinterpret_cast<const std::int8_t*>(bytes.data());
  kernels::pack_signs({codes, bytes.size()}, 0, channels, bits);
}

}  // namespace bitsweep
